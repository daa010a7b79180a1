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

// members enters items, and makes Shutdown end none of them within its context.
func members(t *testing.T, s *Set[int], items ...int) (shutdown func(breakOff func(int)) error) {
	for _, item := range items {
		require.True(t, s.Enter())
		require.True(t, s.Add(item))
	}
	return func(breakOff func(int)) error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		return s.Shutdown(ctx, func(int) {}, breakOff)
	}
}

func TestWhoIsBrokenOffAndLeavesIsNoError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s Set[int]
		var broken []int
		shutdown := members(t, &s, 1, 2)
		require.NoError(t, shutdown(func(item int) {
			broken = append(broken, item)
			go s.Leave(item)
		}))
		require.ElementsMatch(t, []int{1, 2}, broken)
		require.False(t, s.Enter())
	})
}

func TestWhoDoesNotLeaveIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s Set[int]
		started := time.Now()
		require.ErrorIs(t, members(t, &s, 1)(func(int) {}), context.DeadlineExceeded)
		require.Equal(t, time.Second+lastTime, time.Since(started))
		s.Leave(1)
	})
}
