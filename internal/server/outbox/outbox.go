// Package outbox is the queue between those who have something to send on a
// connection and its one writer. It is bounded by bytes, those being written
// included, and by the age of the oldest: whoever has something to send never
// waits, and a client that reads too slowly is noticed.
//
// Who sends what has long happened can wait instead, for a client that reads as fast
// as it can: see PushPaced.
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

// Message is what waits in an Outbox. It is asked under the outbox's lock.
type Message interface {
	// Cost in bytes.
	Cost() int
	// Refused reports, of a message that is pushed, that nothing of what it belongs to
	// is to be sent any more.
	Refused() bool
	// Withdrawn reports that the message is not to be sent any more, though it waits;
	// see Withdraw.
	Withdrawn() bool
}

// Overhead is what a waiting message costs beside its bytes.
const Overhead = 96

// Rules are the same for many outboxes, which share what they need while messages wait:
// one that is empty holds nothing.
type Rules[M Message, E any] struct {
	// Limit is how many bytes may wait, and MaxAge how long. A single message counts as
	// no more than half of Limit: a client is not slow because one answer is large, as
	// long as it takes it within MaxAge. So two that are larger may wait together.
	Limit  int
	MaxAge time.Duration

	queues sync.Pool // of *[]entry[M]
}

type entry[M Message] struct {
	message M
	at      time.Duration
}

// queueKept is the longest queue that is kept for the next outbox that needs one.
const queueKept = 64

// started is what the times of an outbox are counted from.
var started = time.Now()

func now() time.Duration { return time.Since(started) }

// Outbox is made by Rules.New. M is its messages, E how a connection ends.
type Outbox[M Message, E any] struct {
	rules *Rules[M, E]
	wake  func()

	mu      sync.Mutex
	working bool // the writer was woken and hasn't found nothing yet
	queue   *[]entry[M]
	first   int // of the queue: those before it were taken
	bytes   int // waiting and being written
	writing bool
	oldest  time.Duration // of those being written
	ending  *E
	room    chan struct{} // closed when there may be room; nil while nobody waits for it
}

func (r *Rules[M, E]) cost(m M) int { return min(m.Cost(), r.Limit/2) }

// New makes an outbox. wake is called, under its lock, when there is something to take
// and nobody does: once, until Take has found nothing.
func (r *Rules[M, E]) New(wake func()) *Outbox[M, E] { return &Outbox[M, E]{rules: r, wake: wake} }

// Push never blocks. ErrFull says that the client reads too slowly, and that the
// caller must end the connection.
func (o *Outbox[M, E]) Push(m M) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.push(m, now())
}

// PushAll is Push for n messages. It ends at the first that fails.
func (o *Outbox[M, E]) PushAll(n int, message func(int) M) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.pushAll(n, message)
}

// PushLast is Push with something that is to be true from then on: then is called under
// the lock.
func (o *Outbox[M, E]) PushLast(m M, then func()) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	err := o.push(m, now())
	if err == nil {
		then()
	}
	return err
}

func (o *Outbox[M, E]) pushAll(n int, message func(int) M) error {
	at := now()
	for i := range n {
		if err := o.push(message(i), at); err != nil {
			return err
		}
	}
	return nil
}

func (o *Outbox[M, E]) push(m M, at time.Duration) error {
	switch {
	case o.ending != nil:
		return ErrEnded
	case m.Refused():
		return ErrWithdrawn
	}
	oldest := at
	switch {
	case o.writing:
		oldest = o.oldest
	case o.waiting() > 0:
		oldest = (*o.queue)[o.first].at
	}
	cost := o.rules.cost(m)
	if o.bytes+cost > o.rules.Limit || at-oldest > o.rules.MaxAge {
		return ErrFull
	}
	if o.queue == nil {
		if o.queue, _ = o.rules.queues.Get().(*[]entry[M]); o.queue == nil {
			o.queue = new([]entry[M])
		}
	}
	o.bytes += cost
	*o.queue = append(*o.queue, entry[M]{m, at})
	o.signal()
	return nil
}

func (o *Outbox[M, E]) waiting() int {
	if o.queue == nil {
		return 0
	}
	return len(*o.queue) - o.first
}

// Withdraw calls mark, which changes what some messages say to Withdrawn, and
// takes those back that wait.
func (o *Outbox[M, E]) Withdraw(mark func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	mark()
	if o.queue == nil {
		return
	}
	kept := (*o.queue)[:o.first]
	for _, e := range (*o.queue)[o.first:] {
		if e.message.Withdrawn() {
			o.bytes -= o.rules.cost(e.message)
			continue
		}
		kept = append(kept, e)
	}
	clear((*o.queue)[len(kept):])
	*o.queue = kept
	o.released()
}

// End is the last word: nothing is accepted after it. What waits is sent before,
// unless it is discarded. Only the first call counts, and is told so.
func (o *Outbox[M, E]) End(ending E, discard bool) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.end(ending, discard)
}

// EndWith pushes m and ends, in one step: nothing comes in between. Where m doesn't fit
// any more it fails, and nothing has ended.
func (o *Outbox[M, E]) EndWith(m M, ending E) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	err := o.push(m, now())
	if err == nil {
		o.end(ending, false)
	}
	return err
}

func (o *Outbox[M, E]) end(ending E, discard bool) bool {
	if o.ending != nil {
		return false
	}
	o.ending = &ending
	if discard && o.queue != nil {
		for _, e := range (*o.queue)[o.first:] {
			o.bytes -= o.rules.cost(e.message)
		}
		o.drop(len(*o.queue))
	}
	if o.room != nil {
		close(o.room)
		o.room = nil
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

// Taken is what the writer has taken.
type Taken[E any] struct {
	Bytes    []byte
	Cost     int
	Messages int
	// Ending is set once everything before it has been taken.
	Ending *E
}

// Take appends messages to buf with write, in order, until it holds about atMost
// bytes. The caller says Wrote(cost) when it is done with the bytes.
func (o *Outbox[M, E]) Take(buf []byte, atMost int, write func([]byte, *M) []byte) (t Taken[E]) {
	o.mu.Lock()
	defer o.mu.Unlock()
	waiting := o.waiting()
	for t.Messages < waiting && (t.Messages == 0 || len(buf) < atMost) {
		m := &(*o.queue)[o.first+t.Messages].message
		buf = write(buf, m)
		t.Cost += o.rules.cost(*m)
		t.Messages++
	}
	t.Bytes = buf
	if t.Messages > 0 {
		o.writing, o.oldest = true, (*o.queue)[o.first].at
		o.drop(o.first + t.Messages)
	}
	if t.Messages == waiting {
		t.Ending = o.ending
	}
	o.working = t.Messages > 0 || t.Ending != nil
	return t
}

// drop forgets those before upTo, and the queue when none is left.
func (o *Outbox[M, E]) drop(upTo int) {
	clear((*o.queue)[o.first:upTo])
	if o.first = upTo; o.first < len(*o.queue) {
		return
	}
	if o.first = 0; cap(*o.queue) <= queueKept {
		*o.queue = (*o.queue)[:0]
		o.rules.queues.Put(o.queue)
	}
	o.queue = nil
}

// Wrote frees the room of what was taken.
func (o *Outbox[M, E]) Wrote(cost int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bytes -= cost
	o.writing = false
	o.released()
}

func (o *Outbox[M, E]) signal() {
	if !o.working {
		o.working = true
		o.wake()
	}
}
