package ratelimit

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Rate is how often something may be done: Count times at once, and as often again
// in every Per, spread evenly.
type Rate struct {
	Count int
	Per   time.Duration
}

// ParseRate reads what String writes, such as 5/5m or 6000/1m.
func ParseRate(s string) (Rate, error) {
	count, per, found := strings.Cut(s, "/")
	n, err := strconv.ParseUint(count, 10, 31)
	if found && err == nil && n > 0 {
		if d, err := time.ParseDuration(per); err == nil && d >= time.Second && d <= 24*time.Hour {
			return Rate{Count: int(n), Per: d}, nil
		}
	}
	return Rate{}, fmt.Errorf("a rate is a number and a time from 1s to 24h, like 5/5m; this is %q", shorten(s))
}

func shorten(s string) string {
	if len(s) > 40 {
		return strings.ToValidUTF8(s[:40], "") + "…"
	}
	return s
}

func (r Rate) String() string { return fmt.Sprintf("%d/%s", r.Count, r.Per) }
