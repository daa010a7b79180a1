package ratelimit

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Rate is how often something may happen: Count times at once, and after that as
// often as spreads Count evenly over Per.
type Rate struct {
	Count int
	Per   time.Duration
}

// The bounds of a Rate.
const (
	maxCount = 1_000_000
	minPer   = time.Second
	maxPer   = 24 * time.Hour
)

// ParseRate reads a number and a period, as in "5/5m".
func ParseRate(s string) (Rate, error) {
	count, per, found := strings.Cut(s, "/")
	if !found {
		return Rate{}, errors.New(`write how many and in which time, as in "5/5m"`)
	}
	n, err := strconv.Atoi(count)
	if err != nil || n < 1 || n > maxCount {
		return Rate{}, fmt.Errorf(`before the slash stands a number from 1 to %d, as in "5/5m"`, maxCount)
	}
	d, err := time.ParseDuration(per)
	if err != nil || d < minPer || d > maxPer {
		return Rate{}, errors.New(`after the slash stands a time from 1s to 24h, as in "5/5m"`)
	}
	return Rate{Count: n, Per: d}, nil
}

// String is what ParseRate reads.
func (r Rate) String() string {
	per := r.Per.String() // "5m0s", "1h0m0s"
	if strings.HasSuffix(per, "m0s") {
		per = strings.TrimSuffix(per, "0s")
	}
	if strings.HasSuffix(per, "h0m") {
		per = strings.TrimSuffix(per, "0m")
	}
	return fmt.Sprintf("%d/%s", r.Count, per)
}
