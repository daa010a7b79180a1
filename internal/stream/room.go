package stream

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zeblit/zeblit/internal/access"
)

const (
	// patience is how long a room waits for an event that others have overtaken. Two
	// transactions that commit at about the same time may be announced either way
	// round; what takes longer is taken from the log.
	patience = 10 * time.Millisecond
	// What a room holds back for that long at most.
	heldEvents = 256
	heldBytes  = 256 << 10
)

// room is what the readers of one project share: its latest events, the knowledge of
// how far the log goes, and the reads of the log for those who are further behind.
//
// Nothing in it works by itself: the carrier and the heads push into it, and readers
// pull out of it. Its lock is held for moments only, and no other is taken under it.
type room struct {
	hub *Hub
	// handle is the first reader's. All that it says is the project, and that it may
	// be read, which every reader has shown for itself.
	handle access.StreamHandle
	// watched is where the carrier's news go while there are readers.
	watched atomic.Pointer[watched]

	// These are the hub's, under its lock.
	readers int
	closed  bool
	deaf    func()      // leaves the carrier
	unwatch func()      // leaves the heads
	idle    *time.Timer // while nobody reads

	mu      sync.Mutex
	open    bool // the ring knows where it is
	ring    ring
	known   int64   // the highest number that was ever heard of
	horizon int64   // the highest that was ever seen
	held    []Event // beyond the ring, in order, waiting for what they have overtaken
	// overdue fires when what was missing at awaited has taken too long; awaited is 0
	// while nothing is missing.
	overdue *time.Timer
	awaited int64
	// epoch counts how often the database was set back, and cut is the number that
	// the log then ended at.
	epoch int
	cut   int64
	gone  bool
	// changed is closed at the next change. It is nil while nobody waits for one.
	changed chan struct{}
	// reads is what is read of the log, and was a moment ago.
	reads reads
}

// hear takes an event that the carrier has brought.
func (r *room) hear(e Event) {
	if w := r.watched.Load(); w != nil {
		w.hear(e)
	}
	r.mu.Lock()
	if !r.open { // what comes before this one, readers take from the log
		r.open = true
		r.ring.restart(e.Seq - 1)
	}
	last := r.ring.last
	r.known = max(r.known, e.Seq)
	switch {
	case e.Seq <= last: // came twice, or was given up as lost
	case e.Seq == last+1:
		r.hub.counts.hear(e)
		r.ring.add(e)
		r.release()
	default:
		r.hold(e)
	}
	r.unlock(r.ring.last != last)
}

// hold keeps an event back until those before it have come.
func (r *room) hold(e Event) {
	at, twice := slices.BinarySearchFunc(r.held, e.Seq, func(e Event, seq int64) int { return cmp.Compare(e.Seq, seq) })
	if twice {
		return
	}
	r.hub.counts.hear(e)
	r.held = slices.Insert(r.held, at, e)
	bytes := 0
	for _, e := range r.held {
		bytes += eventSize(e)
	}
	if len(r.held) > heldEvents || bytes > heldBytes {
		r.heal(r.known)
		return
	}
	r.await()
}

// release moves into the ring what was held back and now follows.
func (r *room) release() {
	for len(r.held) > 0 && r.held[0].Seq <= r.ring.last+1 {
		if e := r.held[0]; e.Seq > r.ring.last {
			r.ring.add(e)
		}
		r.held = r.held[1:]
	}
	if len(r.held) == 0 {
		r.held = nil
	}
}

// await gives what is missing a moment to come.
func (r *room) await() {
	switch {
	case r.awaited > 0 || r.known <= r.ring.last:
		return
	case r.overdue == nil:
		r.overdue = time.AfterFunc(patience, r.giveUp)
	default:
		r.overdue.Reset(patience)
	}
	r.awaited = r.known
}

// giveUp ends the wait for what was missing when it began.
func (r *room) giveUp() {
	r.mu.Lock()
	missing := r.awaited > r.ring.last
	if missing {
		r.heal(r.awaited)
	}
	r.awaited = 0
	r.await() // for what is missing since
	r.unlock(missing)
}

// heal goes on behind number upTo, which is in the log, as all before it are. Readers
// who haven't got so far find nothing here that follows and take it from there.
func (r *room) heal(upTo int64) {
	r.ring.restart(upTo)
	r.release()
	r.hub.counts.heals.Add(1)
}

// unlock gives the lock back, and then tells the readers who wait if something has
// changed for them: they all want the lock at once.
func (r *room) unlock(changed bool) {
	var wake chan struct{}
	if changed {
		wake, r.changed = r.changed, nil
	}
	r.mu.Unlock()
	if wake != nil {
		close(wake)
	}
}

// see takes in where the log stood a moment ago.
func (r *room) see(p position) {
	r.mu.Lock()
	r.unlock(r.learn(p))
}

// learn is see with the lock. It reports whether something has changed for readers who
// wait.
func (r *room) learn(p position) (changed bool) {
	switch {
	case p.gone:
		r.gone = true
		return true
	case p.setBack && p.head < r.known: // else that is known already
		r.epoch++
		r.cut, r.known, r.horizon = p.head, p.head, p.horizon
		r.held, r.awaited, r.open = nil, 0, true
		r.ring.restart(p.head)
		r.forget()
		return true
	case !r.open:
		r.open = true
		r.ring.restart(p.head)
	}
	// What is in the log and wasn't heard of is on its way, or lost.
	r.known, r.horizon = max(r.known, p.head), max(r.horizon, p.horizon)
	r.await()
	return false
}

// missed is called when the carrier may have lost events.
func (r *room) missed() {
	if w := r.watched.Load(); w != nil {
		r.hub.heads.lost(w)
	}
}

func (r *room) isGone() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.gone
}

// stop ends what the room has begun, when nothing can reach it any more.
func (r *room) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.overdue != nil {
		r.overdue.Stop()
	}
	r.forget()
}

// attendance is what the heads know a room by for as long as it has readers.
type attendance struct{ *room }
