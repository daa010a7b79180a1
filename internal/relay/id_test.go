package relay_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/relay"
)

func TestIDsRiseAndNeverRepeat(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := map[string]bool{}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			mine := make([]string, 2000)
			for i := range mine {
				mine[i] = relay.NewID("prj")
			}
			require.True(t, slices.IsSorted(mine))
			mu.Lock()
			defer mu.Unlock()
			for _, id := range mine {
				require.False(t, seen[id])
				seen[id] = true
			}
		})
	}
	group.Wait()
}

func TestIDsSortByTimeAcrossMilliseconds(t *testing.T) {
	t.Parallel()
	last := ""
	for range 5 {
		id := relay.NewID("run")
		require.Greater(t, id, last)
		last = id
		time.Sleep(2 * time.Millisecond)
	}
}

func TestIDPrefixTakesOnlyWellFormedIDs(t *testing.T) {
	t.Parallel()
	id := relay.NewID("msg")
	require.Equal(t, "msg", relay.IDPrefix(id))
	for _, bad := range []string{"", "msg", "msg_", id + "0", id[:len(id)-1], strings.ToUpper(id), "msg-" + id[4:], "_" + id[4:], "msg_" + strings.Repeat("\x00", 26)} {
		require.Empty(t, relay.IDPrefix(bad), "%q", bad)
	}
}
