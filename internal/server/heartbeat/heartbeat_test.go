package heartbeat_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/server/heartbeat"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEachIsBeatenOnceInAnInterval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		beaten := map[int][]time.Duration{}
		started := time.Now()
		b := heartbeat.New(12*time.Second, func(item int) {
			mu.Lock()
			defer mu.Unlock()
			beaten[item] = append(beaten[item], time.Since(started))
		})
		for item := range 30 {
			b.Add(item)
			time.Sleep(700 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		for item, at := range beaten {
			require.GreaterOrEqual(t, len(at), 5)
			added := time.Duration(item) * 700 * time.Millisecond
			require.InDelta(t, 12*time.Second, at[0]-added, float64(time.Second))
			for i := range at[1:] {
				require.Equal(t, 12*time.Second, at[i+1]-at[i])
			}
		}
		require.Len(t, beaten, 30)

		for item := range 30 {
			b.Remove(item)
		}
		b.Remove(7) // again
		before := len(beaten[7])
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Len(t, beaten[7], before)
		b.Add(7)
		time.Sleep(12 * time.Second)
		synctest.Wait()
		require.Len(t, beaten[7], before+1)
		b.Remove(7)
	})
}
