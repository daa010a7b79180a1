package drain

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// do returns when each of n items was done, after the start.
func do(ctx context.Context, n int) (at []time.Duration) {
	started := time.Now()
	spread(ctx, make([]struct{}, n), func(struct{}) { at = append(at, time.Since(started)) })
	return at
}

func TestManyAreSpreadOverAFewSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for n, most := range map[int]time.Duration{0: 0, 10: 0, 100: 90 * time.Millisecond, 5_000: 5 * time.Second, 100_000: 5 * time.Second} {
			at := do(t.Context(), n)
			require.Len(t, at, n)
			require.True(t, slices.IsSorted(at))
			if n > 0 {
				require.LessOrEqual(t, at[n-1], most)
				require.GreaterOrEqual(t, at[n-1], most*9/10)
			}
		}
	})
}

func TestTheRestIsDoneAtOnceWhenTheContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		at := do(ctx, 5_000)
		require.Len(t, at, 5_000)
		require.Equal(t, time.Second, at[len(at)-1])
	})
}
