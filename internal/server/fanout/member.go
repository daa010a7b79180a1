package fanout

import (
	"context"
	"time"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/zeblit/zeblit/graph/share"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/stream"
)

// catchingUp is the slot of a member that goes its own way.
const catchingUp = -1

// startPatience is how long a member waits for its group to find the log's end. Then it
// reads by itself, until there is something to join.
const startPatience = 2 * time.Second

// replayBytes is about how much a member that catches up is sent at once.
const replayBytes = 32 << 10

// Member is one subscriber's part in its group.
type Member struct {
	g   *group
	who Subscriber
	// ctx is the subscription's. It is kept because that outlives calls.
	ctx  context.Context
	user string

	// These are the group's, under its lock.
	slot   int // in the group's live
	cancel context.CancelFunc
}

// Leave ends the membership. It may be called more than once. A push under way may
// still reach the subscriber.
func (m *Member) Leave() { m.g.remove(m) }

// fail leaves with errors, unless m has left already.
func (m *Member) fail(errs gqlerror.List) {
	if m.g.remove(m) {
		m.who.Fail(errs)
	}
}

func (g *group) admit(m *Member) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.members[m] = struct{}{}
	g.users[m.user]++
	g.resize()
}

// remove reports whether m was in the group. With the last member the group ends.
func (g *group) remove(m *Member) bool {
	f := g.f
	f.mu.Lock()
	defer f.mu.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, in := g.members[m]; !in {
		return false
	}
	delete(g.members, m)
	if g.users[m.user]--; g.users[m.user] == 0 {
		delete(g.users, m.user)
	}
	g.unlist(m)
	if m.cancel != nil {
		m.cancel()
	}
	g.resize()
	if len(g.members) == 0 {
		g.stop()
		if f.groups[g.key] == g {
			delete(f.groups, g.key)
		}
		f.check()
	}
	return true
}

// unlist takes m out of the live.
func (g *group) unlist(m *Member) {
	if m.slot == catchingUp {
		return
	}
	if g.pushing { // run goes through the old list
		g.live = append([]*Member(nil), g.live...)
		g.pushing = false
	}
	last := len(g.live) - 1
	g.live[m.slot] = g.live[last]
	g.live[m.slot].slot = m.slot
	g.live[last] = nil
	g.live = g.live[:last]
	m.slot = catchingUp
}

// replay tells the member, in the caller's goroutine, what lies between its place and
// the group's: first own, which can't be shared, when there is one. It returns once the
// group tells it what happens, or false, when it has left or is to leave. It closes
// the reader; without one it makes its own where it needs one.
func (m *Member) replay(place stream.Place, reader share.Reader, own *stream.Event) (live bool) {
	defer func() {
		if reader != nil {
			reader.Close()
		}
	}()
	g := m.g
	ctx, cancel := context.WithCancel(m.ctx)
	defer cancel()
	if !g.depart(m, cancel) {
		return false
	}
	defer func() {
		if !live {
			g.abandon(m)
		}
	}()
	if !g.awaitStart(ctx) {
		return false
	}
	if own != nil && !m.tell(ctx, []stream.Event{*own}) {
		return false
	}
	for {
		moved, joined := g.join(m, place)
		switch {
		case joined:
			return true
		case moved != nil:
			select {
			case <-moved:
			case <-ctx.Done():
				return false
			}
			continue
		case reader == nil:
			if reader = m.reader(ctx, place); reader == nil {
				return false
			}
		}
		events, err := reader.Next(ctx)
		if err != nil {
			m.lost(ctx, err)
			return false
		}
		if !m.tell(ctx, events) {
			return false
		}
		place = reader.Place()
	}
}

// awaitStart waits for a while until the group knows its place. It reports false when
// ctx has ended.
func (g *group) awaitStart(ctx context.Context) bool {
	timer := time.NewTimer(startPatience)
	defer timer.Stop()
	select {
	case <-g.started:
	case <-timer.C:
	case <-ctx.Done():
		return false
	}
	return true
}

// isStarted reports whether the group knows its place.
func (g *group) isStarted() bool {
	select {
	case <-g.started:
		return true
	default:
		return false
	}
}

// reader reads on behind place; nil where that can't be done.
func (m *Member) reader(ctx context.Context, place stream.Place) share.Reader {
	reader, err := m.g.follow(ctx, place.Seq)
	if err != nil {
		m.lost(ctx, err)
		return nil
	}
	if now := reader.Place(); !now.Beside(place) && !now.Owes() {
		// The log is another one since. Whoever begins anew is told what that means.
		reader.Close()
		m.lost(ctx, interrupted())
		return nil
	}
	return reader
}

// lost ends the subscription because it can't be read on.
func (m *Member) lost(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	if !problem.Is(err, problem.NotFound) {
		err = interrupted()
	}
	m.fail(m.g.present(m.ctx, err))
}

// tell sends events to a member that goes its own way, when there is room for them.
func (m *Member) tell(ctx context.Context, events []stream.Event) bool {
	var batch []*Encoding
	size := 0
	for _, e := range events {
		if !m.g.wants(e) {
			continue
		}
		encoding, errs := m.g.encoding(ctx, m, e)
		if encoding == nil {
			if len(batch) > 0 && !m.who.Replay(ctx, batch) || ctx.Err() != nil {
				return false
			}
			m.fail(errs)
			return false
		}
		batch, size = append(batch, encoding), size+len(encoding.Payload)
		if size >= replayBytes {
			if !m.who.Replay(ctx, batch) {
				return false
			}
			batch, size = batch[:0], 0
		}
	}
	return len(batch) == 0 || m.who.Replay(ctx, batch)
}

// depart notes that m goes its own way, which cancel ends. It reports whether m is
// still in the group.
func (g *group) depart(m *Member, cancel context.CancelFunc) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, in := g.members[m]; !in {
		return false
	}
	m.cancel = cancel
	g.replaying++
	g.resize()
	return true
}

// abandon ends what depart has begun where m doesn't come back.
func (g *group) abandon(m *Member) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.returned(m)
}

func (g *group) returned(m *Member) {
	m.cancel = nil
	g.replaying--
	g.resize()
}

// join puts m among the live if it stands where they do. A member that stands further
// ahead in the same log, because it has read faster than the group, waits until the
// group has moved.
func (g *group) join(m *Member, place stream.Place) (moved <-chan struct{}, live bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, in := g.members[m]; !in {
		return nil, false // its context has ended
	}
	switch {
	case !g.isStarted(): // it has no place yet
		return nil, false
	case place == g.place:
		m.slot = len(g.live)
		g.live = append(g.live, m)
		g.returned(m)
		return nil, true
	case place.Beside(g.place) && place.Seq > g.place.Seq:
		if g.moved == nil {
			g.moved = make(chan struct{})
		}
		return g.moved, false
	}
	return nil, false
}
