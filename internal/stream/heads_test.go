package stream

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// mood is a carrier that only has a health.
type mood struct {
	Carrier
	sick atomic.Bool
}

func (m *mood) Healthy() bool { return !m.sick.Load() }

// sight keeps the latest position it was told.
type sight struct{ seen atomic.Pointer[position] }

func (s *sight) see(p position) { s.seen.Store(&p) }

func (s *sight) take() *position { return s.seen.Swap(nil) }

// counter notes what is asked of the database.
type counter struct {
	mu    sync.Mutex
	calls [][]string
	err   error
}

func (c *counter) read(_ context.Context, projectIDs []string) (map[string]position, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, slices.Sorted(slices.Values(projectIDs)))
	if c.err != nil {
		return nil, c.err
	}
	found := map[string]position{}
	for _, id := range projectIDs {
		if id != "gone" {
			found[id] = position{head: 7}
		}
	}
	return found, nil
}

func (c *counter) take() [][]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	calls := c.calls
	c.calls = nil
	return calls
}

// TestHeadsAreReadForAllTogether runs on a clock of its own.
func TestHeadsAreReadForAllTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		carrier, count := &mood{}, &counter{}
		h := &heads{
			read: count.read, carrier: carrier, logger: slog.New(slog.DiscardHandler),
			wake: make(chan struct{}, 1), projects: map[string]*watched{},
		}
		var leaves []func()
		var sights []*sight
		projects := map[string]*watched{}
		for range 100 {
			for _, id := range []string{"prj_a", "prj_b"} {
				b := &sight{}
				w, leave := h.watch(id, b)
				projects[id], sights, leaves = w, append(sights, b), append(leaves, leave)
			}
		}
		seen := func() (n int) {
			synctest.Wait()
			for _, b := range sights {
				if p := b.take(); p != nil {
					require.EqualValues(t, 7, p.head)
					n++
				}
			}
			return n
		}
		both := []string{"prj_a", "prj_b"}
		require.Empty(t, count.take())

		time.Sleep(quiet + 2*headPause)
		require.Equal(t, 200, seen())
		require.Equal(t, [][]string{both}, count.take(), "one query for 200 subscriptions")

		for range 100 { // for ten seconds something comes for one of them
			projects["prj_a"].hear(Event{Seq: 7})
			time.Sleep(100 * time.Millisecond)
		}
		calls := count.take()
		require.LessOrEqual(t, len(calls), int(10*time.Second/quiet))
		for _, call := range calls {
			require.Equal(t, []string{"prj_b"}, call)
		}

		carrier.sick.Store(true)
		h.lost(projects["prj_a"])
		time.Sleep(2 * headPause)
		require.Contains(t, count.take()[0], "prj_a", "at once")
		for range 100 {
			projects["prj_a"].hear(Event{Seq: 7})
			time.Sleep(100 * time.Millisecond)
		}
		calls = count.take()
		reads := map[string]int{}
		for _, call := range calls {
			for _, id := range call {
				reads[id]++
			}
		}
		require.InDelta(t, int(10*time.Second/unsure), reads["prj_a"], 2)
		require.InDelta(t, int(10*time.Second/unsure), reads["prj_b"], 2)

		carrier.sick.Store(false)
		time.Sleep(quiet)
		count.take()
		seen()
		for range 50 { // many hints in one moment
			h.lost(projects["prj_a"])
			h.lost(projects["prj_b"])
		}
		time.Sleep(2 * headPause)
		require.Equal(t, 200, seen())
		require.LessOrEqual(t, len(count.take()), 2)

		for _, leave := range leaves {
			leave()
		}
		require.Empty(t, h.projects)
		require.Nil(t, h.stop)
		time.Sleep(time.Minute)
		require.Empty(t, count.take(), "nobody is left")
	})
}

func TestHeadsAfterAFailureAndOfDeletedProjects(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		count := &counter{err: errors.New("no database")}
		h := &heads{
			read: count.read, carrier: &mood{}, logger: slog.New(slog.DiscardHandler),
			wake: make(chan struct{}, 1), projects: map[string]*watched{},
		}
		b := &sight{}
		_, leave := h.watch("gone", b)
		time.Sleep(quiet + time.Second)
		calls := len(count.take())
		require.Greater(t, calls, 1, "it is tried again")
		require.Less(t, calls, 5)
		count.mu.Lock()
		count.err = nil
		count.mu.Unlock()
		time.Sleep(2 * unsure)
		synctest.Wait()
		seen := b.take()
		require.NotNil(t, seen)
		require.True(t, seen.gone)

		// The last one leaves while another comes.
		_, second := h.watch("prj_a", &sight{})
		leave()
		second()
		_, third := h.watch("prj_a", &sight{})
		time.Sleep(quiet + 2*headPause)
		synctest.Wait()
		require.Contains(t, count.take(), []string{"prj_a"})
		third()
	})
}
