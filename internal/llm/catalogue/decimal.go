package catalogue

import (
	"strconv"
	"strings"
)

const (
	priceDigits = 6 // after the point: of a dollar a million tokens, a pico-dollar a token
	dearest     = 1_000_000
)

// parseDollars reads USD a million tokens as pico-dollars a token, without rounding:
// digits, and after a point up to six more.
func parseDollars(s string) (int64, bool) {
	whole, fraction, point := strings.Cut(s, ".")
	if whole == "" || point && fraction == "" || len(fraction) > priceDigits || len(whole) > len("1000000") {
		return 0, false
	}
	digits := whole + fraction + strings.Repeat("0", priceDigits-len(fraction))
	if strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	pico, err := strconv.ParseInt(digits, 10, 64)
	return pico, err == nil && pico <= dearest*1_000_000
}

// Dollars writes a price as parseDollars reads it, without zeros at its end.
func Dollars(pico int64) string {
	const million = 1_000_000
	s := strconv.FormatInt(pico/million, 10)
	if rest := pico % million; rest > 0 {
		digits := strconv.FormatInt(million+rest, 10)[1:] // the leading 1 keeps the zeros
		s += "." + strings.TrimRight(digits, "0")
	}
	return s
}
