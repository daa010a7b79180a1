// Package money writes and reads amounts of US dollars, which are whole numbers of
// nano-dollars inside and decimal strings outside.
package money

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// Dollar is one US dollar in nano-dollars.
const Dollar = 1_000_000_000

// decimals is how many decimals a nano-dollar needs.
const decimals = 9

// Format writes an amount with two decimals, or as many more as it needs, up to nine:
// "12.50", "0.000000001".
func Format(nano int64) string {
	sign, n := "", uint64(nano)
	if nano < 0 {
		sign, n = "-", -n
	}
	fraction := strconv.FormatUint(n%Dollar, 10)
	fraction = strings.Repeat("0", decimals-len(fraction)) + fraction
	for len(fraction) > 2 && fraction[len(fraction)-1] == '0' {
		fraction = fraction[:len(fraction)-1]
	}
	return sign + strconv.FormatUint(n/Dollar, 10) + "." + fraction
}

// Why a text is no amount.
var (
	ErrSyntax    = errors.New("money is a decimal number of US dollars, such as \"12.50\"")
	ErrPrecision = errors.New("money has at most nine decimals")
	ErrRange     = errors.New("money is less than 9,000,000,000 US dollars")
)

// Parse reads an amount exactly: nothing is rounded.
func Parse(text string) (nano int64, err error) {
	digits, negative := strings.CutPrefix(text, "-")
	whole, fraction, point := strings.Cut(digits, ".")
	if whole == "" || point && fraction == "" || !only(whole+fraction) {
		return 0, ErrSyntax
	}
	if fraction = strings.TrimRight(fraction, "0"); len(fraction) > decimals {
		return 0, ErrPrecision
	}
	if whole = strings.TrimLeft(whole, "0"); len(whole) > 10 {
		return 0, ErrRange
	}
	n, err := strconv.ParseUint(whole+fraction+strings.Repeat("0", decimals-len(fraction)), 10, 64)
	if err != nil || n > math.MaxInt64 {
		return 0, ErrRange
	}
	if negative {
		return -int64(n), nil
	}
	return int64(n), nil
}

func only(digits string) bool {
	return strings.Trim(digits, "0123456789") == ""
}
