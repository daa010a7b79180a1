package workspace

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/zeblit/zeblit/internal/problem"
)

const (
	// hopefulTries are made without a lock, which costs nothing when nobody else
	// writes. Later ones hold the branch while they prepare, and so can't lose it.
	hopefulTries = 3
	maxTries     = 10
	// retryPause is what a lost race waits at most, times the tries so far.
	retryPause = 20 * time.Millisecond
)

// attempts calls try until it isn't overtaken by somebody else who commits.
func attempts(ctx context.Context, try func(lock bool) (commit string, err error)) (commit string, err error) {
	for n := 1; ; n++ {
		commit, err := try(n > hopefulTries)
		switch {
		case err == nil:
			return commit, nil
		case !errors.Is(err, errMoved):
			return "", err
		}
		if n == maxTries {
			return "", &problem.Error{
				Code: problem.Unavailable, RetryAfter: time.Second,
				Message: "too many others are writing to this project: try again",
			}
		}
		if err := pause(ctx, rand.N(time.Duration(n)*retryPause)); err != nil {
			return "", err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
