// Package money writes amounts of US dollars for people. Inside they are whole numbers
// of nano-dollars.
package money

import (
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
