package stream

import (
	"cmp"
	"slices"
	"sync"
)

// An inbox holds what the carrier has brought and the subscription hasn't taken.
// Beyond these limits it forgets all of it and remembers only that: the
// subscription then reads the log.
const (
	inboxEvents = 256
	inboxBytes  = 1 << 20
)

type inbox struct {
	// wake holds one token while there is something to take.
	wake chan struct{}

	mu     sync.Mutex
	events []Event
	bytes  int
	lost   bool
	seen   *position
}

func newInbox() *inbox { return &inbox{wake: make(chan struct{}, 1)} }

// push never blocks: the carrier calls it.
func (b *inbox) push(e Event) {
	b.mu.Lock()
	if !b.lost {
		b.events = append(b.events, e)
		b.bytes += len(e.Payload)
		if len(b.events) > inboxEvents || b.bytes > inboxBytes {
			b.events, b.bytes, b.lost = nil, 0, true
		}
	}
	b.mu.Unlock()
	b.poke()
}

// see notes where the log stood a moment ago; the latest such note counts.
func (b *inbox) see(p position) {
	b.mu.Lock()
	b.seen = &p
	b.mu.Unlock()
	b.poke()
}

func (b *inbox) poke() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// take empties the inbox. The events come in the order of their numbers; lost says
// that there were more than it could hold; seen is nil when there is no new note.
func (b *inbox) take() (events []Event, lost bool, seen *position) {
	b.mu.Lock()
	defer b.mu.Unlock()
	events, lost, seen = b.events, b.lost, b.seen
	b.events, b.bytes, b.lost, b.seen = nil, 0, false, nil
	slices.SortStableFunc(events, func(a, b Event) int { return cmp.Compare(a.Seq, b.Seq) })
	return events, lost, seen
}
