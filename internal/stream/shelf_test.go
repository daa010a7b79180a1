package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
)

const shelved = "prj_a"

// shelf is a log in memory that can fail, take its time and lose its oldest events.
type shelf struct {
	mu            sync.Mutex
	written       []Event // those that were removed too; number n is at n-1
	head, horizon int64
	moved         time.Time // when the horizon was moved last
	settled       int64     // where it stood before the latest moves that readers may not know of
	broken        bool
	slow          time.Duration // what a read takes at most
	random        *rand.Rand
	made          int64 // counts all that was ever written
}

func newShelf() *shelf { return &shelf{random: rand.New(rand.NewPCG(1, 2))} }

func (s *shelf) append(n int) []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range n {
		s.head++
		s.made++
		s.written = append(s.written, Event{
			Project: shelved, Seq: s.head, Type: enum.EventFileChanged, At: time.Now(),
			Payload: json.RawMessage(fmt.Sprintf(`{"v":%d}`, s.made)),
		})
	}
	return s.written[s.head-int64(n) : s.head : s.head]
}

// has says whether the event stands in the log, or did before it was removed.
func (s *shelf) has(e Event) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return e.Project == shelved && e.Seq > 0 && e.Seq <= s.head && string(s.written[e.Seq-1].Payload) == string(e.Payload)
}

// setBack makes the log an older one.
func (s *shelf) setBack(to int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.written, s.head = s.written[:to:to], to
}

func (s *shelf) compact(upTo int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.moved) > headKept {
		s.settled = s.horizon
	}
	s.horizon, s.moved = max(s.horizon, min(upTo, s.head)), time.Now()
}

// known is the horizon that whoever joins now is judged by at least: a room may know
// where it was a moment ago.
func (s *shelf) known() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.moved) > headKept {
		return s.horizon
	}
	return s.settled
}

func (s *shelf) fail(broken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = broken
}

func (s *shelf) ends() (head, horizon int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.head, s.horizon
}

// visit is one query: it sees the log as it is at one moment of the time it takes.
func (s *shelf) visit(ctx context.Context, see func()) error {
	pause := func() {
		s.mu.Lock()
		d := s.slow
		if d > 0 {
			d = time.Duration(s.random.Int64N(int64(d)))
		}
		s.mu.Unlock()
		if d == 0 {
			return
		}
		select {
		case <-time.After(d):
		case <-ctx.Done():
		}
	}
	pause()
	s.mu.Lock()
	broken := s.broken
	if !broken {
		see()
	}
	s.mu.Unlock()
	pause()
	if broken {
		return errors.New("no database")
	}
	return ctx.Err()
}

func (s *shelf) Head(ctx context.Context, _ access.StreamHandle) (head, horizon int64, err error) {
	err = s.visit(ctx, func() { head, horizon = s.head, s.horizon })
	return head, horizon, err
}

// page has holes below the horizon: every third event is kept there.
func (s *shelf) page(ctx context.Context, _ access.StreamHandle, after int64) (events []Event, err error) {
	err = s.visit(ctx, func() {
		for seq := after + 1; seq <= s.head && len(events) < pageSize; seq++ {
			if seq > s.horizon || seq%3 == 1 {
				events = append(events, s.written[seq-1])
			}
		}
	})
	return events, err
}

func (s *shelf) positions(ctx context.Context, projectIDs []string) (map[string]position, error) {
	found := map[string]position{}
	err := s.visit(ctx, func() {
		for _, id := range projectIDs {
			found[id] = position{head: s.head, horizon: s.horizon}
		}
	})
	return found, err
}

// wire is a carrier that brings what it is told to.
type wire struct {
	mood
	mu   sync.Mutex
	ears map[int]ear
	next int
}

type ear struct {
	hear func(Event)
	gap  func()
}

func (w *wire) Subscribe(_ string, hear func(Event), gap func()) (cancel func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ears == nil {
		w.ears = map[int]ear{}
	}
	w.next++
	id := w.next
	w.ears[id] = ear{hear, gap}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.ears, id)
	}
}

func (w *wire) bring(events ...Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range events {
		for _, ear := range w.ears {
			ear.hear(e)
		}
	}
}

func (w *wire) lose() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, ear := range w.ears {
		ear.gap()
	}
}

// fixture is a hub on a shelf.
func newFixture(t testing.TB) (*shelf, *wire, *Hub, access.StreamHandle) {
	t.Helper()
	s, w, logger := newShelf(), &wire{}, slog.New(slog.DiscardHandler)
	heads := &heads{
		read: s.positions, carrier: w, logger: logger,
		wake: make(chan struct{}, 1), projects: map[string]*watched{},
	}
	handle, err := access.StreamReader(access.As(context.Background(), access.Engine), nil, shelved)
	require.NoError(t, err)
	return s, w, newHub(s, heads, w, logger), handle
}
