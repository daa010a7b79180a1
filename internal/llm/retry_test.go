package llm_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/zeblit/zeblit/internal/llm"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestBackoffNext(t *testing.T) {
	t.Parallel()
	most := func() float64 { return 1 } // what jitter can't quite reach
	none := func() float64 { return 0 }
	overloaded := func(after time.Duration) error {
		return fmt.Errorf("step: %w", &llm.Error{Kind: llm.KindOverloaded, RetryAfter: after})
	}
	for name, c := range map[string]struct {
		backoff llm.Backoff
		attempt int
		err     error
		wait    time.Duration
		again   bool
	}{
		"first":                     {llm.Backoff{Rand: most}, 1, overloaded(0), 500 * time.Millisecond, true},
		"third":                     {llm.Backoff{Rand: most}, 3, overloaded(0), 2 * time.Second, true},
		"fifth":                     {llm.Backoff{Rand: most}, 5, overloaded(0), 8 * time.Second, true},
		"no attempt left":           {llm.Backoff{Rand: most}, 6, overloaded(0), 0, false},
		"bounded":                   {llm.Backoff{Rand: most, Attempts: 99}, 40, overloaded(0), 20 * time.Second, true},
		"own bounds":                {llm.Backoff{Rand: most, Base: time.Second, Max: 3 * time.Second}, 3, overloaded(0), 3 * time.Second, true},
		"jitter goes to zero":       {llm.Backoff{Rand: none}, 3, overloaded(0), 0, true},
		"the vendor's floor":        {llm.Backoff{Rand: none}, 1, overloaded(7 * time.Second), 7 * time.Second, true},
		"the vendor's floor capped": {llm.Backoff{Rand: none}, 1, overloaded(time.Hour), time.Minute, true},
		"unavailable":               {llm.Backoff{Rand: none}, 1, &llm.Error{Kind: llm.KindUnavailable}, 0, true},
		"cut":                       {llm.Backoff{Rand: none}, 1, &llm.Error{Kind: llm.KindCut}, 0, true},
		"garbled":                   {llm.Backoff{Rand: none}, 1, &llm.Error{Kind: llm.KindGarbled}, 0, true},
		"auth":                      {llm.Backoff{}, 1, &llm.Error{Kind: llm.KindAuth, RetryAfter: time.Second}, 0, false},
		"too large":                 {llm.Backoff{}, 1, &llm.Error{Kind: llm.KindTooLarge}, 0, false},
		"cancelled":                 {llm.Backoff{}, 1, context.Canceled, 0, false},
		"foreign":                   {llm.Backoff{}, 1, errors.New("disk full"), 0, false},
		"nil":                       {llm.Backoff{}, 1, nil, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wait, again := c.backoff.Next(c.attempt, c.err)
			require.Equal(t, c.again, again)
			require.Equal(t, c.wait, wait)
		})
	}
}

func TestBackoffStaysInItsBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := llm.Backoff{
			Base:     time.Duration(rapid.Int64Range(1, math.MaxInt64/2).Draw(t, "base")),
			Max:      time.Duration(rapid.Int64Range(1, int64(time.Hour)).Draw(t, "max")),
			Attempts: rapid.IntRange(1, 200).Draw(t, "attempts"),
		}
		attempt := rapid.IntRange(1, 250).Draw(t, "attempt")
		after := time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "after"))
		wait, again := b.Next(attempt, &llm.Error{Kind: llm.KindOverloaded, RetryAfter: after})
		require.Equal(t, attempt < b.Attempts, again)
		if again {
			floor := min(after, time.Minute)
			require.GreaterOrEqual(t, wait, floor)
			require.LessOrEqual(t, wait, floor+b.Max)
		}
	})
}
