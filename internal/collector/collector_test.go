package collector

import (
	"context"
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheHeapGrowsByMoreWhileMuchGoesOn(t *testing.T) {
	t.Parallel()
	p := pace{percent: small, seen: 100}
	s := state{cycles: 100, live: 4 << 20}
	look := func(cycles uint64) int {
		s.cycles += cycles
		p.look(s)
		return p.percent
	}
	require.Equal(t, small, look(0))
	require.Equal(t, small, look(often-1), "now and then is no reason")
	require.Equal(t, large, look(often))
	for range calm - 1 {
		require.Equal(t, large, look(0), "a pause is no rest")
	}
	require.Equal(t, large, look(1))
	for range calm - 1 {
		require.Equal(t, large, look(0))
	}
	require.Equal(t, small, look(0))
	require.Equal(t, large, look(often))
	s.live = largest + 1
	require.Equal(t, small, look(often), "a large heap has room as it is")
}

// Not parallel: there is one collector.
func TestTheEnvironmentDecides(t *testing.T) {
	was := debug.SetGCPercent(77)
	defer debug.SetGCPercent(was)
	for _, name := range []string{"GOGC", "GOMEMLIMIT"} {
		t.Setenv("GOGC", "")
		t.Setenv("GOMEMLIMIT", "")
		t.Setenv(name, "100")
		Run(t.Context())
		require.Equal(t, 77, debug.SetGCPercent(77), name)
	}
}

func TestItEndsWithItsContext(t *testing.T) {
	t.Setenv("GOGC", "")
	t.Setenv("GOMEMLIMIT", "")
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := false
		go func() { Run(ctx); ended = true }()
		time.Sleep(3*every + every/2)
		synctest.Wait()
		require.False(t, ended)
		cancel()
		synctest.Wait()
		require.True(t, ended)
	})
}
