package fanout

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/zeblit/zeblit/graph/share"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/stream"
)

const (
	// followFirst and followMost are the pauses between tries to find the log's end, and
	// to execute an event while the database is away.
	followFirst = 50 * time.Millisecond
	followMost  = 2 * time.Second
)

// group is those who watch the same. Its own goroutine, run, is the only one that moves
// its place and pushes to the live.
//
// Locks are taken in this order: the Fanout's, the group's. No subscriber is called
// under either.
type group struct {
	f        *Fanout
	key      string
	project  string
	follow   func(ctx context.Context, after int64) (share.Reader, error)
	wants    func(stream.Event) bool
	*encoder // its ctx is the group's own: without a viewer

	stop context.CancelFunc
	// started is closed once place is known.
	started chan struct{}

	mu      sync.Mutex
	members map[*Member]struct{}
	users   map[string]int // how many members each person has
	live    []*Member
	// pushing says that run goes through live without the lock: it may grow, but none
	// of its places may change.
	pushing   bool
	replaying int
	place     stream.Place  // up to where the live were told
	moved     chan struct{} // closed when place moves; nil while nobody waits for it
}

func newGroup(f *Fanout, s *share.Subscription) *group {
	g := &group{
		f: f, key: s.Key, project: s.Project, follow: s.Follow, wants: s.Wants,
		started: make(chan struct{}), members: map[*Member]struct{}{}, users: map[string]int{},
	}
	var ctx context.Context
	ctx, g.stop = context.WithCancel(context.Background())
	g.encoder = newEncoder(ctx, f, s.Operation)
	return g
}

// run tells the live what happens, until the last member has left. Without a reader it
// begins where the log ends.
func (g *group) run(reader share.Reader) {
	defer g.stop()
	var err error
	if reader == nil {
		reader, err = g.begin()
	}
	if err == nil {
		defer reader.Close()
		g.mu.Lock()
		g.place = reader.Place()
		close(g.started)
		g.mu.Unlock()
		var events []stream.Event
		for err == nil {
			if events, err = reader.Next(g.ctx); err == nil {
				g.deliver(events, reader.Place())
			}
		}
	}
	if g.ctx.Err() == nil {
		g.end(err)
	}
}

// begin finds the log's end. It tries until it succeeds, or the project is gone.
func (g *group) begin() (share.Reader, error) {
	for pause := followFirst; ; pause = min(2*pause, followMost) {
		reader, err := g.follow(g.ctx, stream.FromNow)
		if err == nil || g.ctx.Err() != nil || problem.Is(err, problem.NotFound) {
			return reader, err
		}
		g.f.cfg.Logger.Warn("a log's end can't be found for those who watch; trying again", "project", g.project, "error", err)
		sleep(g.ctx, pause)
	}
}

// pushBytes is about how much the live are told at once: less than their queues take.
const pushBytes = 64 << 10

// deliver tells the live of events, behind which is place.
func (g *group) deliver(events []stream.Event, place stream.Place) {
	batch, size := make([]*Encoding, 0, len(events)), 0
	for _, e := range events {
		if !g.wants(e) {
			continue
		}
		before, at := place, place
		before.Seq, at.Seq = e.Seq-1, e.Seq
		encoding, _ := g.shared(g.ctx, e)
		if encoding == nil {
			g.push(batch, before)
			g.scatter(e, at)
			batch, size = batch[:0], 0
			continue
		}
		batch, size = append(batch, encoding), size+len(encoding.Payload)
		if size >= pushBytes {
			g.push(batch, at)
			batch, size = batch[:0], 0
		}
	}
	g.push(batch, place)
}

// push moves the group, and tells the live what lies between.
func (g *group) push(batch []*Encoding, place stream.Place) {
	g.mu.Lock()
	g.move(place)
	live := g.live
	g.pushing = len(batch) > 0
	g.mu.Unlock()
	if len(batch) == 0 {
		return
	}
	var gone []*Member
	for _, m := range live {
		if !m.who.Send(batch) {
			gone = append(gone, m)
		}
	}
	g.mu.Lock()
	g.pushing = false
	g.mu.Unlock()
	for _, m := range gone {
		m.Leave()
	}
}

func (g *group) move(place stream.Place) {
	g.place = place
	if g.moved != nil {
		close(g.moved)
		g.moved = nil
	}
}

// scatter leaves an event, behind which is place, to each of the live: they come back
// when they have it.
func (g *group) scatter(e stream.Event, place stream.Place) {
	g.mu.Lock()
	g.move(place)
	live := g.live
	g.live = nil
	for _, m := range live {
		m.slot = catchingUp
	}
	g.mu.Unlock()
	for _, m := range live {
		g.f.running.Go(func() {
			if !m.replay(place, nil, &e) {
				m.Leave()
			}
		})
	}
}

// end tells all members that there is no more, and why.
func (g *group) end(err error) {
	if err == nil || errors.Is(err, context.Canceled) {
		err = interrupted()
	}
	g.f.mu.Lock()
	if g.f.groups[g.key] == g { // who comes now finds out by itself
		delete(g.f.groups, g.key)
	}
	g.mu.Lock()
	all := make([]*Member, 0, len(g.members))
	for m := range g.members {
		all = append(all, m)
	}
	g.mu.Unlock()
	g.f.mu.Unlock()
	for _, m := range all {
		m.fail(g.present(m.ctx, err))
	}
}

// interrupted is why a subscription ends that could go on elsewhere.
func interrupted() error {
	return problem.New(problem.Unavailable, "the stream of events ended: subscribe again after your last cursor")
}

// present turns an error into what clients are told of it.
func (g *group) present(ctx context.Context, err error) gqlerror.List {
	return g.f.present(ctx, g.operation, err)
}
