package stream

import (
	"context"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkFanOut appends and publishes some events at a time to 1,000 readers, and
// waits until each has taken them out of Next. The log is in memory.
func BenchmarkFanOut(b *testing.B) {
	for _, burst := range []int{1, 32} {
		b.Run(fmt.Sprint(burst), func(b *testing.B) { fanOut(b, 1000, burst) })
	}
}

func fanOut(b *testing.B, watchers, burst int) {
	s, w, hub, handle := newFixture(b)
	ctx, cancel := context.WithCancel(b.Context())
	var readers, round sync.WaitGroup
	for range watchers {
		r, err := hub.Follow(ctx, handle, FromNow)
		require.NoError(b, err)
		readers.Go(func() {
			defer r.Close()
			for {
				events, err := r.Next(ctx)
				if err != nil {
					return
				}
				round.Add(-len(events))
			}
		})
	}
	b.ReportAllocs()
	before := processorTime(b)
	for b.Loop() {
		round.Add(watchers * burst)
		w.bring(s.append(burst)...)
		round.Wait()
	}
	events := float64(b.N * watchers * burst)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/events, "ns/event")
	b.ReportMetric(float64((processorTime(b)-before).Nanoseconds())/events, "cpu-ns/event")
	cancel()
	readers.Wait()
}

// processorTime is what the process has used, which other processes don't change much.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
