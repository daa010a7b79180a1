package command

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// After a call was cut the host looks at once and often, and then as seldom as before: the
// times are of a clock that stands still while anybody works.
func TestAHostHurriesWhenACallIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		cuts := make(chan struct{}, 1)
		var looks atomic.Int64
		var over sync.WaitGroup
		over.Go(func() { attend(ctx, cuts, func(context.Context) { looks.Add(1) }) })
		after := func(d time.Duration) int {
			time.Sleep(d)
			synctest.Wait()
			return int(looks.Load())
		}
		require.Equal(t, 2, after(2*pollEvery))
		cuts <- struct{}{}
		require.Equal(t, 2+1+4, after(4*hurryEvery), "at once, and each time after")
		require.Equal(t, 2+1+hurries, after((hurries-4)*hurryEvery))
		require.Equal(t, 2+1+hurries+1, after(pollEvery), "it is calm again")
		stop()
		over.Wait()
	})
}
