// Package outbox is the queue between those who have something to send on a
// connection and its one writer. It is bounded by bytes, those being written
// included, and by the age of the oldest: whoever has something to send never
// waits, and a client that reads too slowly is noticed.
package outbox

import (
	"errors"
	"sync"
	"time"
)

// What Push fails with.
var (
	ErrFull      = errors.New("outbox is full")
	ErrEnded     = errors.New("connection has ended")
	ErrWithdrawn = errors.New("message was withdrawn")
)

// Message is what waits in an Outbox.
type Message interface {
	// Cost in bytes.
	Cost() int
	// Withdrawn reports that the message is not to be sent any more. It is asked
	// under the outbox's lock; see Withdraw.
	Withdrawn() bool
}

// Overhead is what a waiting message costs beside its bytes.
const Overhead = 96

type entry[M Message] struct {
	message M
	at      time.Time
}

// Outbox is made by New. M is its messages, E how a connection ends.
type Outbox[M Message, E any] struct {
	limit  int
	maxAge time.Duration
	// wake has room for one signal: a full channel has said it already.
	wake chan struct{}

	mu      sync.Mutex
	waiting []entry[M]
	bytes   int       // waiting and being written
	oldest  time.Time // of those being written; zero when none is
	ending  *E
}

// New makes an outbox for limit bytes that wait no longer than maxAge. A single
// message of any size may wait alone.
func New[M Message, E any](limit int, maxAge time.Duration) *Outbox[M, E] {
	return &Outbox[M, E]{limit: limit, maxAge: maxAge, wake: make(chan struct{}, 1)}
}

// Wake yields when there is something to take.
func (o *Outbox[M, E]) Wake() <-chan struct{} { return o.wake }

// Push never blocks. ErrFull says that the client reads too slowly, and that the
// caller must end the connection.
func (o *Outbox[M, E]) Push(m M) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ending != nil {
		return ErrEnded
	}
	if m.Withdrawn() {
		return ErrWithdrawn
	}
	now := time.Now()
	oldest := o.oldest
	if oldest.IsZero() && len(o.waiting) > 0 {
		oldest = o.waiting[0].at
	}
	cost := m.Cost()
	if o.bytes > 0 && o.bytes+cost > o.limit || !oldest.IsZero() && now.Sub(oldest) > o.maxAge {
		return ErrFull
	}
	o.bytes += cost
	o.waiting = append(o.waiting, entry[M]{m, now})
	o.signal()
	return nil
}

// Withdraw calls mark, which changes what some messages say to Withdrawn, and
// takes those back that wait.
func (o *Outbox[M, E]) Withdraw(mark func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	mark()
	kept := o.waiting[:0]
	for _, e := range o.waiting {
		if e.message.Withdrawn() {
			o.bytes -= e.message.Cost()
			continue
		}
		kept = append(kept, e)
	}
	clear(o.waiting[len(kept):])
	o.waiting = kept
}

// End is the last word: nothing is accepted after it. What waits is sent before,
// unless it is discarded. Only the first call counts, and is told so.
func (o *Outbox[M, E]) End(ending E, discard bool) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ending != nil {
		return false
	}
	o.ending = &ending
	if discard {
		for _, e := range o.waiting {
			o.bytes -= e.message.Cost()
		}
		o.waiting = nil
	}
	o.signal()
	return true
}

// Ended reports whether End was called.
func (o *Outbox[M, E]) Ended() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.ending != nil
}

// Take appends messages to buf with write, in order, until it holds about atMost
// bytes. The ending is returned once everything before it has been taken. The
// caller says Wrote(cost) when it is done with the bytes.
func (o *Outbox[M, E]) Take(buf []byte, atMost int, write func([]byte, *M) []byte) (out []byte, cost int, last *E) {
	o.mu.Lock()
	defer o.mu.Unlock()
	taken := 0
	for taken < len(o.waiting) && (taken == 0 || len(buf) < atMost) {
		m := &o.waiting[taken].message
		buf = write(buf, m)
		cost += (*m).Cost()
		taken++
	}
	if taken > 0 {
		o.oldest = o.waiting[0].at
		clear(o.waiting[:taken])
		o.waiting = o.waiting[taken:]
		if len(o.waiting) == 0 {
			o.waiting = nil
		}
	}
	if len(o.waiting) == 0 {
		last = o.ending
	}
	return buf, cost, last
}

// Wrote frees the room of what was taken.
func (o *Outbox[M, E]) Wrote(cost int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bytes -= cost
	o.oldest = time.Time{}
}

func (o *Outbox[M, E]) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}
