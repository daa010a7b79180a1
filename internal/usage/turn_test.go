package usage

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Those with a budget in common take turns, whichever else they have; others don't wait.
func TestTurnsAreTakenOneByOne(t *testing.T) {
	t.Parallel()
	var all turns
	var group sync.WaitGroup
	within := map[string]int{} // by budget; what takes turns needs no lock
	for i := range 200 {
		ids := [][]string{{"a", "b"}, {"a", "c"}, {"a"}}[i%3]
		group.Go(func() {
			end, err := all.take(t.Context(), ids)
			if err != nil {
				t.Error(err)
				return
			}
			within["a"]++
			within["a"]--
			end()
		})
	}
	group.Wait()
	require.Empty(t, all.taken, "what nobody needs is not kept")

	end, err := all.take(t.Context(), []string{"a"})
	require.NoError(t, err)
	other, err := all.take(t.Context(), []string{"b"})
	require.NoError(t, err)
	other()
	enough, stop := context.WithCancelCause(t.Context())
	cut := errors.New("cut")
	stop(cut)
	_, err = all.take(enough, []string{"a", "b"})
	require.ErrorIs(t, err, cut)
	end()
	require.Empty(t, all.taken)
}
