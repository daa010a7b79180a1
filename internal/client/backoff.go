package client

import (
	"context"
	"math/rand/v2"
	"time"
)

const (
	firstPause   = 200 * time.Millisecond
	longestPause = 10 * time.Second
)

// backoff is the pause before attempt n+1: doubled each time, of which a random half
// is cut so that clients of a restarted server don't come back all at once.
func backoff(n int) time.Duration {
	d := longestPause
	if n < 6 {
		d = min(firstPause<<n, longestPause)
	}
	return d/2 + rand.N(d/2)
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
