package stream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
)

// act is one thing that happens to a project. What N and To say depends on Kind.
type act struct {
	Kind  string
	N, To int
	// Settle lets everything that follows from it happen before the next one.
	Settle bool
}

var acts = rapid.Custom(func(t *rapid.T) act {
	return act{
		Kind: rapid.SampledFrom([]string{
			"bring", "bring", "bring", "lose", "twice", "reversed", "hold", "hold", "release", "flood", "hint",
			"start", "now", "cursor", "future", "cut", "resume", "take", "take", "run",
			"horizon", "back", "break", "mend", "slow", "sick", "well", "wait", "wait",
		}).Draw(t, "kind"),
		N:      rapid.IntRange(1, 4).Draw(t, "n"),
		To:     rapid.IntRange(0, 1000).Draw(t, "to"),
		Settle: rapid.Bool().Draw(t, "settle"),
	}
})

// TestEveryReaderGetsTheLogsSuffix runs on a clock of its own, in any order of appends,
// losses, doubles, reorderings, joins, cuts, resumes, slow readers, moves of the horizon,
// failing reads, and returns of the database to an older state.
func TestEveryReaderGetsTheLogsSuffix(t *testing.T) {
	t.Parallel()
	for range rounds {
		rapid.Check(t, func(rt *rapid.T) {
			program := rapid.SliceOfN(acts, 1, 60).Draw(rt, "program")
			var err error
			synctest.Test(t, func(t *testing.T) { err = perform(t, program) })
			if err != nil {
				rt.Fatal(err)
			}
		})
	}
}

// rounds of 100 programs each: some mistakes show in one of 300.
const rounds = 15

// stage is a project while a program runs.
type stage struct {
	shelf    *shelf
	wire     *wire
	hub      *Hub
	handle   access.StreamHandle
	held     []Event
	sessions []*session
	err      error
}

func perform(t *testing.T, program []act) error {
	s := &stage{}
	s.shelf, s.wire, s.hub, s.handle = newFixture(t)
	for _, a := range program {
		s.act(a)
		if a.Settle {
			synctest.Wait()
		}
	}
	// From here on nothing fails, and everybody reads.
	s.shelf.fail(false)
	s.wire.sick.Store(false)
	for _, one := range s.sessions {
		one.unbind()
	}
	time.Sleep(10 * time.Second)
	synctest.Wait()
	head, _ := s.shelf.ends()
	for i, one := range s.sessions {
		live := !one.over
		one.stop()
		if err := one.check(live, head); err != nil {
			s.err = errors.Join(s.err, fmt.Errorf("session %d after %d: %w", i, one.after, err))
		}
	}
	time.Sleep(grace + pageKept)
	synctest.Wait()
	if stats := s.hub.Stats(); stats.Rooms != 0 || stats.Readers != 0 || len(s.wire.ears) != 0 {
		s.err = errors.Join(s.err, fmt.Errorf("left behind: %+v, %d ears", stats, len(s.wire.ears)))
	}
	return s.err
}

func (s *stage) act(a act) {
	head, _ := s.shelf.ends()
	switch a.Kind {
	case "bring":
		s.wire.bring(s.shelf.append(a.N)...)
	case "lose":
		s.shelf.append(a.N)
	case "twice":
		events := s.shelf.append(a.N)
		s.wire.bring(events...)
		s.wire.bring(events...)
	case "reversed":
		events := s.shelf.append(a.N)
		for i := range events {
			s.wire.bring(events[len(events)-1-i])
		}
	case "hold":
		s.held = append(s.held, s.shelf.append(a.N)...)
	case "release":
		for len(s.held) > 0 {
			i := a.To % len(s.held)
			s.wire.bring(s.held[i])
			s.held = append(s.held[:i:i], s.held[i+1:]...)
		}
	case "flood":
		s.wire.bring(s.shelf.append(a.To)...)
	case "hint":
		s.wire.lose()
	case "start":
		s.join(0)
	case "now":
		s.join(FromNow)
	case "cursor":
		s.join(int64(a.To) % (head + 1))
	case "future":
		s.join(head + int64(a.N))
	case "cut", "resume", "take", "run":
		s.reader(a)
	case "horizon":
		s.shelf.compact(head * int64(a.To) / 1000)
	case "back":
		s.back(a.To)
	case "break":
		s.shelf.fail(true)
	case "mend":
		s.shelf.fail(false)
	case "slow":
		s.shelf.mu.Lock()
		s.shelf.slow = time.Duration(a.To) * 20 * time.Microsecond
		s.shelf.mu.Unlock()
	case "sick":
		s.wire.sick.Store(true)
	case "well":
		s.wire.sick.Store(false)
	case "wait":
		time.Sleep([]time.Duration{time.Millisecond, patience, headKept, quiet, grace}[a.To%5] + time.Millisecond)
	}
}

// back makes the log an older one. The room is given the time to see it: what has grown
// as long again by then can't be told from the old one.
func (s *stage) back(to int) {
	s.shelf.fail(false)
	s.shelf.mu.Lock()
	s.shelf.slow = 0
	s.shelf.mu.Unlock()
	s.held = nil
	time.Sleep(grace + retryMost)
	synctest.Wait()
	head, horizon := s.shelf.ends()
	cut := horizon + int64(to)%(head-horizon+1)
	if cut == head {
		return
	}
	s.shelf.setBack(cut)
	for _, one := range s.sessions {
		if one.over {
			continue
		}
		at, last := one.at()
		if last > cut {
			one.must = append(one.must, at)
		}
		one.may = append(one.may, at)
	}
	time.Sleep(2 * quiet)
	synctest.Wait()
}

func (s *stage) reader(a act) {
	if len(s.sessions) == 0 {
		return
	}
	one := s.sessions[a.To%len(s.sessions)]
	switch a.Kind {
	case "cut":
		one.stop()
	case "resume":
		one.stop()
		s.join(one.reader.Last())
	case "take":
		for range a.N {
			select {
			case one.permits <- struct{}{}:
			default:
			}
		}
	case "run":
		one.unbind()
	}
}

func (s *stage) join(after int64) {
	head, _ := s.shelf.ends()
	horizon := s.shelf.known()
	ctx, cancel := context.WithCancel(context.Background())
	reader, err := s.hub.Follow(ctx, s.handle, after)
	if err != nil {
		cancel()
		if !s.shelf.broken {
			s.err = errors.Join(s.err, fmt.Errorf("follow after %d: %w", after, err))
		}
		return
	}
	one := &session{
		reader: reader, after: after, cancel: cancel,
		permits: make(chan struct{}, 8), free: make(chan struct{}), done: make(chan struct{}),
	}
	switch {
	case after < 0:
		one.after = head
	case after > head, after < horizon:
		one.owed = true
	}
	s.sessions = append(s.sessions, one)
	go one.run(ctx, s.shelf)
}

// session is one reader from when it joins until it is cut.
type session struct {
	reader  *Reader
	after   int64
	owed    bool // a reset, and nothing before it
	mu      sync.Mutex
	got     []receipt
	must    []int         // where in got the database was set back below it, and
	may     []int         // where it was set back at all
	permits chan struct{} // one for each Next, until free is closed
	free    chan struct{}
	unbound bool
	cancel  context.CancelFunc
	done    chan struct{}
	over    bool
	err     error
}

// endless is more than any program makes.
const endless = 200_000

// receipt is an event and where the log stood when it came.
type receipt struct {
	Event
	head, horizon int64
	true          bool // so it stands in the log
}

func (s *session) run(ctx context.Context, shelf *shelf) {
	defer close(s.done)
	for {
		select {
		case <-s.permits:
		case <-s.free:
		case <-ctx.Done():
			return
		}
		events, err := s.reader.Next(ctx)
		if err != nil {
			s.err = err
			return
		}
		head, horizon := shelf.ends()
		s.mu.Lock()
		for _, e := range events {
			s.got = append(s.got, receipt{e, head, horizon, shelf.has(e)})
		}
		n := len(s.got)
		s.mu.Unlock()
		if n > endless {
			s.err = errors.New("it never ends")
			return
		}
	}
}

// at is how much has come, and up to which number.
func (s *session) at() (n int, last int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n = len(s.got); n == 0 {
		return 0, s.after
	}
	return n, s.got[n-1].Seq
}

func (s *session) unbind() {
	if !s.unbound {
		s.unbound = true
		close(s.free)
	}
}

func (s *session) stop() {
	if s.over {
		return
	}
	s.over = true
	s.cancel()
	<-s.done
	s.reader.Close()
	s.reader.Close()
}

// check compares what came with the log. live: it read until the end.
func (s *session) check(live bool, head int64) error {
	if s.err != nil && !errors.Is(s.err, context.Canceled) {
		return s.err
	}
	last, owed := s.after, s.owed
	for i, r := range s.got {
		owed = owed || slices.Contains(s.must, i)
		if r.Type == enum.EventStreamReset {
			switch {
			case !owed && r.horizon <= last && !slices.Contains(s.may, i):
				return fmt.Errorf("reset at %d without a reason behind %d", r.Seq, last)
			case r.Seq > r.head:
				return fmt.Errorf("reset at %d, the log ends at %d", r.Seq, r.head)
			}
			last, owed = r.Seq, false
			continue
		}
		if owed {
			return fmt.Errorf("event %d instead of a reset", r.Seq)
		}
		if r.Seq != last+1 {
			return fmt.Errorf("event %d (the %d. thing) follows %d", r.Seq, i+1, last)
		}
		if !r.true {
			return fmt.Errorf("event %d isn't %s", r.Seq, r.Payload)
		}
		last++
	}
	if last != s.reader.Last() {
		return fmt.Errorf("it says %d and was served up to %d", s.reader.Last(), last)
	}
	if live && (owed || last != head || slices.Contains(s.must, len(s.got))) {
		return fmt.Errorf("the log ends at %d, and it was served up to %d", head, last)
	}
	return nil
}
