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
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// take empties the inbox. The events come in the order of their numbers; lost says
// that there were more than it could hold.
func (b *inbox) take() (events []Event, lost bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	events, lost = b.events, b.lost
	b.events, b.bytes, b.lost = nil, 0, false
	slices.SortStableFunc(events, func(a, b Event) int { return cmp.Compare(a.Seq, b.Seq) })
	return events, lost
}
