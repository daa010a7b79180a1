// Package figure is the little statistics that the benchmarks share.
package figure

import (
	"cmp"
	"fmt"
	"slices"
)

// Quantile is the value below which that share of all lies; it sorts them. The
// zero value where there is none.
func Quantile[T cmp.Ordered](all []T, share float64) T {
	if len(all) == 0 {
		var zero T
		return zero
	}
	slices.Sort(all)
	return all[int(share*float64(len(all)-1))]
}

// Median of all, without changing their order. 0 where there is none.
func Median(all []float64) float64 {
	n := len(all)
	if n == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// Ratios divides each of a by the one of b that was measured in the same round.
func Ratios(a, b []float64) []float64 {
	var out []float64
	for i := range min(len(a), len(b)) {
		if b[i] > 0 {
			out = append(out, a[i]/b[i])
		}
	}
	return out
}

// Target is what a ratio should be at least, or at most.
type Target struct {
	Least, Most float64 // one of them
}

// Judge says "pass" or "miss" beside the ratio and what was wanted.
func (t Target) Judge(ratio float64) string {
	good, wanted := ratio >= t.Least, fmt.Sprintf("≥ %.2f", t.Least)
	if t.Most > 0 {
		good, wanted = ratio <= t.Most, fmt.Sprintf("≤ %.2f", t.Most)
	}
	verdict := "**miss**"
	if good {
		verdict = "pass"
	}
	return fmt.Sprintf("%.2f × (%s: %s)", ratio, wanted, verdict)
}
