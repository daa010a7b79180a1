// Package fanout executes a subscription once for all who watch the same.
//
// Watchers of equal subscriptions (see graph/share) form a group. A group reads the log
// once, executes each event once, and puts the same bytes into the queue of each of its
// members: what a member costs per event is one push. A member is who it is for and a
// place in the log; it has no goroutine and no buffer of its own here.
//
// A member that begins behind the group, or is to be told something that can't be
// shared, goes its own way for a while: it reads the log by itself, as fast as its
// client does, but takes from the group what that, or another member, has executed
// already. It comes back when it stands where the group stands. Both are compared, and
// the group's place is moved, under one lock; a member hence is given every event
// exactly once, by itself up to there and by the group from there on.
//
// The shared execution has no viewer, so nothing that asks for rights answers it. An
// event whose shared execution has any error is executed for each member by itself, in
// the member's own context.
//
// A group belongs to none of its members. It ends when the last has left, or when its
// project is gone.
package fanout

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/zeblit/zeblit/graph/share"
	"github.com/zeblit/zeblit/internal/access"
)

// Subscriber is who a subscription is for: a client, behind its queue.
type Subscriber interface {
	// Send queues what happens now. It never waits. It reports whether the subscriber
	// goes on; when not, it has seen to its end itself. It must not keep the slice.
	Send(batch []*Encoding) bool
	// Replay is Send for what has happened before: it waits until there is room.
	Replay(ctx context.Context, batch []*Encoding) bool
	// Fail ends the subscription with errors. Nothing is sent behind them.
	Fail(errs gqlerror.List)
}

// Config sets up a Fanout.
type Config struct {
	// Exec executes operations.
	Exec graphql.GraphExecutor
	// MayRead says which of some people may read the logs that they read. It is asked
	// every Interval (2 s) about all members together; those who may not are told
	// NOT_FOUND. While it fails, nobody is. Nil is never asked.
	MayRead  func(ctx context.Context, all []access.LogReader) (map[access.LogReader]bool, error)
	Interval time.Duration
	// Logger is told of what fails inside; nil is slog.Default().
	Logger *slog.Logger
}

// Fanout keeps the groups. It is safe for use by many.
type Fanout struct {
	cfg    Config
	counts counters
	// slots bound how many events are executed for single members at a time.
	slots   chan struct{}
	running sync.WaitGroup // groups, members that replay by themselves, the check of rights

	mu     sync.Mutex
	groups map[string]*group
	// stopChecking ends the check of rights; nil while there are no groups.
	stopChecking context.CancelFunc
}

// ownAtOnce is how many events are executed for single members at a time.
const ownAtOnce = 8

// New makes a Fanout.
func New(cfg Config) *Fanout {
	if cfg.Interval == 0 {
		cfg.Interval = 2 * time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	return &Fanout{cfg: cfg, slots: make(chan struct{}, ownAtOnce), groups: map[string]*group{}}
}

// Serve makes who a member of the group of those who watch the same, and returns once
// it is told what happens as it happens: until then it is told, here, what has happened
// before. The caller calls Leave when who wants no more. ctx is the subscription's: it
// lives as long as that, holds the viewer, and ends what is going on here. Nil: it is
// over already.
func (f *Fanout) Serve(ctx context.Context, s *share.Subscription, who Subscriber) *Member {
	m := &Member{who: who, ctx: ctx, slot: catchingUp}
	if v := access.ViewerFrom(ctx); v != nil {
		m.user = v.UserID
	}
	place := s.Reader.Place()
	reader := f.enter(m, s)
	if !m.replay(place, reader, nil) {
		m.Leave()
		return nil
	}
	return m
}

// enter puts m into its group. It returns the reader, unless the group has taken it:
// one that begins now is where a group begins.
func (f *Fanout) enter(m *Member, s *share.Subscription) (reader share.Reader) {
	reader = s.Reader
	f.mu.Lock()
	defer f.mu.Unlock()
	g := f.groups[s.Key]
	if g == nil {
		g = newGroup(f, s)
		f.groups[s.Key] = g
		var first share.Reader
		if s.Live {
			first, reader = reader, nil
		}
		f.running.Go(func() { g.run(first) })
		f.check()
	}
	m.g = g
	g.admit(m)
	return reader
}

// Wait returns when everything that was begun here has ended, as it does once all
// members have left.
func (f *Fanout) Wait() { f.running.Wait() }
