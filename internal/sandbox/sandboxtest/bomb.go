package sandboxtest

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/sandbox"
)

// bombs take all they can; the host still answers, and so does the sandbox afterwards.
func bombs(t *testing.T, b *Bench) {
	box := b.box(t, sandbox.Limits{Pids: 128, Memory: 256 << 20, Disk: 64 << 20})
	probe := newLatency(t)
	time.Sleep(time.Second)
	t.Logf("the host at rest: %s", probe.take())
	for _, bomb := range []struct{ name, script string }{
		{"fork", `bomb() { bomb | bomb & }; bomb; sleep 300`},
		{"daemons that fork", `trap '' TERM HUP INT; cat >/tmp/b <<'X'
trap '' TERM HUP INT
while :; do setsid sh /tmp/b & setsid sleep 300 & done
X
sh /tmp/b; sleep 300`},
		{"memory", `while :; do for i in 1 2 3 4; do tail /dev/zero & done; wait; done`},
		{"disk", `while :; do head -c 10000000 /dev/zero >/work/fill$((i=i+1)) || i=0; done 2>/dev/null`},
		{"files", `mkdir -p /work/many; cd /work/many; while :; do : >f$((i=i+1)); done 2>/dev/null`},
		{"processor", `for i in 1 2 3 4 5 6 7 8; do (while :; do :; done) & done; wait`},
		{"output", `cat /dev/zero`},
	} {
		p, err := box.Start(t.Context(), sandbox.Command{Argv: []string{"sh", "-c", bomb.script}})
		require.NoError(t, err)
		reading, stop := context.WithCancel(t.Context())
		var reader sync.WaitGroup
		reader.Go(func() {
			for {
				if _, err := p.Next(reading); err != nil {
					return
				}
			}
		})
		time.Sleep(1500 * time.Millisecond)
		stats, err := box.Stats(t.Context())
		require.NoError(t, err)
		require.LessOrEqual(t, stats.Processes, 128)
		began := time.Now()
		require.NoError(t, p.Close())
		t.Logf("%s: %d processes, %d MB of memory; killed in %s; the host meanwhile: %s", bomb.name, stats.Processes, stats.Memory>>20,
			time.Since(began).Round(time.Millisecond), probe.take())
		stop()
		reader.Wait()
		alone(t, box)
		must(t, box, "rm -rf /work/fill* /work/many /tmp/b; echo fine")
	}
	stats, err := box.Stats(t.Context())
	require.NoError(t, err)
	require.Less(t, stats.Disk, int64(1<<20))
}

// latency asks a server of this process's, as the host's would be, again and again.
type latency struct {
	mu    sync.Mutex
	times []time.Duration
}

func newLatency(t *testing.T) *latency {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	l := &latency{}
	ctx, cancel := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	asking.Go(func() {
		for ctx.Err() == nil {
			began := time.Now()
			response, err := server.Client().Get(server.URL)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
			l.mu.Lock()
			l.times = append(l.times, time.Since(began))
			l.mu.Unlock()
			time.Sleep(2 * time.Millisecond)
		}
	})
	t.Cleanup(func() {
		cancel()
		asking.Wait()
		server.Close()
	})
	return l
}

type quantiles struct{ half, most, all time.Duration }

func (q quantiles) String() string {
	return "p50 " + q.half.String() + ", p99 " + q.most.String() + ", max " + q.all.String()
}

// take returns what was measured since the last time.
func (l *latency) take() quantiles {
	l.mu.Lock()
	defer l.mu.Unlock()
	times := l.times
	l.times = nil
	if len(times) == 0 {
		return quantiles{}
	}
	slices.Sort(times)
	at := func(share float64) time.Duration {
		return times[min(int(share*float64(len(times))), len(times)-1)].Round(10 * time.Microsecond)
	}
	return quantiles{at(0.5), at(0.99), times[len(times)-1].Round(10 * time.Microsecond)}
}
