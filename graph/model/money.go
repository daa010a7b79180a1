package model

import (
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/99designs/gqlgen/graphql"
)

// MarshalMoney writes nano-dollars as Money, without zeros at its end.
func MarshalMoney(nano int64) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) { _, _ = io.WriteString(w, `"`+formatMoney(nano)+`"`) })
}

// UnmarshalMoney reads Money as nano-dollars, without rounding.
func UnmarshalMoney(in any) (int64, error) {
	s, ok := in.(string)
	if ok {
		var nano int64
		if nano, ok = parseMoney(s); ok {
			return nano, nil
		}
	}
	return 0, wrong("Money is a string of US dollars with up to nine digits after the point: \"12.50\"")
}

const (
	moneyDigits = 9
	nanoDollars = 1_000_000_000
)

func formatMoney(nano int64) string {
	n := uint64(nano)
	sign := ""
	if nano < 0 {
		n, sign = -n, "-" // as unsigned, so that the smallest number has an opposite
	}
	s := sign + strconv.FormatUint(n/nanoDollars, 10)
	if rest := n % nanoDollars; rest > 0 {
		s += "." + strings.TrimRight(strconv.FormatUint(nanoDollars+rest, 10)[1:], "0")
	}
	return s
}

func parseMoney(s string) (int64, bool) {
	digits, negative := strings.CutPrefix(s, "-")
	whole, fraction, point := strings.Cut(digits, ".")
	if whole == "" || point && fraction == "" || len(fraction) > moneyDigits {
		return 0, false
	}
	digits = whole + fraction + strings.Repeat("0", moneyDigits-len(fraction))
	if strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	switch {
	case err != nil || n > math.MaxInt64:
		return 0, false
	case negative:
		return -int64(n), true
	}
	return int64(n), true
}
