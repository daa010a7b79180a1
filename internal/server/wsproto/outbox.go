package wsproto

import (
	"errors"
	"sync"
	"time"
)

var (
	errFull    = errors.New("outbox is full")
	errEnded   = errors.New("socket has ended")
	errStopped = errors.New("operation was completed by the client")
)

// message is one frame that waits to be written. With a payload the frame is
// head, payload, "}": the payload may be shared and is never written to.
type message struct {
	op      *operation // nil when it is the socket's own
	opcode  byte
	head    []byte
	payload []byte
	at      time.Time // when it was put into the outbox
}

// messageOverhead is what a waiting message costs beside its bytes.
const messageOverhead = 96

func (m *message) cost() int { return len(m.head) + len(m.payload) + messageOverhead }

// outbox is the queue between the producers of one socket and its writer. It is
// bounded by bytes, those being written included, and by the age of the oldest.
type outbox struct {
	limit  int
	maxAge time.Duration
	// wake has room for one signal: a full channel has said it already.
	wake chan struct{}

	mu      sync.Mutex
	waiting []message
	bytes   int       // waiting and being written
	oldest  time.Time // of those being written; zero when none is
	ending  *ending
}

func newOutbox(limit int, maxAge time.Duration) *outbox {
	return &outbox{limit: limit, maxAge: maxAge, wake: make(chan struct{}, 1)}
}

// push never blocks. It fails when the outbox is full (the caller ends the
// socket), when the socket has ended, or when m's operation was stopped.
func (o *outbox) push(m message) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ending != nil {
		return errEnded
	}
	if m.op != nil && m.op.stopped {
		return errStopped
	}
	m.at = time.Now()
	oldest := o.oldest
	if oldest.IsZero() && len(o.waiting) > 0 {
		oldest = o.waiting[0].at
	}
	if o.bytes > 0 && o.bytes+m.cost() > o.limit || !oldest.IsZero() && m.at.Sub(oldest) > o.maxAge {
		return errFull
	}
	o.bytes += m.cost()
	o.waiting = append(o.waiting, m)
	o.signal()
	return nil
}

// stop takes back what op has waiting and refuses what it may still push.
func (o *outbox) stop(op *operation) {
	o.mu.Lock()
	defer o.mu.Unlock()
	op.stopped = true
	kept := o.waiting[:0]
	for _, m := range o.waiting {
		if m.op == op {
			o.bytes -= m.cost()
			continue
		}
		kept = append(kept, m)
	}
	clear(o.waiting[len(kept):])
	o.waiting = kept
}

// end is the last word: nothing is accepted after it. Only the first call counts,
// and is told so.
func (o *outbox) end(e ending) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ending != nil {
		return false
	}
	o.ending = &e
	if e.discard {
		for _, m := range o.waiting {
			o.bytes -= m.cost()
		}
		o.waiting = nil
	}
	o.signal()
	return true
}

func (o *outbox) ended() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.ending != nil
}

// take appends frames to buf, in order, until it holds about atMost bytes. The
// ending is returned once everything before it has been taken. The caller says
// wrote(cost) when it is done with the bytes.
func (o *outbox) take(buf []byte, atMost int) (out []byte, cost int, last *ending) {
	o.mu.Lock()
	defer o.mu.Unlock()
	taken := 0
	for taken < len(o.waiting) && (taken == 0 || len(buf) < atMost) {
		m := &o.waiting[taken]
		buf = appendFrame(buf, m)
		cost += m.cost()
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

func (o *outbox) wrote(cost int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bytes -= cost
	o.oldest = time.Time{}
}

func (o *outbox) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}
