package redis

import (
	"errors"
	"sync"

	"github.com/zeblit/zeblit/internal/stream"
)

// What waits to be sent at most. A sender that is slower than that for a while loses
// events, which the log heals; memory stays bounded.
const (
	queueEvents = 8192
	queueBytes  = 8 << 20
	// queueMissed bounds the projects that are remembered for having lost events.
	// What is beyond that is found by the subscribers' own checks.
	queueMissed = 4096
	eventBytes  = 100 // beside the payload
)

var errQueueFull = errors.New("events come faster than Redis takes them")

// queue holds what is to be sent, in order.
type queue struct {
	// wake holds one token while there is something to take.
	wake chan struct{}

	mu     sync.Mutex
	events []stream.Event
	bytes  int
	down   bool
	missed map[string]struct{} // projects whose events were dropped
}

// put takes all of the events or none. It never blocks.
func (q *queue) put(events []stream.Event) error {
	if len(events) == 0 {
		return nil
	}
	size := 0
	for _, e := range events {
		size += len(e.Payload) + eventBytes
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.down:
		q.miss(events)
		return stream.ErrCarrierDown
	case len(q.events)+len(events) > queueEvents || q.bytes+size > queueBytes:
		q.miss(events)
		notify(q.wake)
		return errQueueFull
	}
	q.events = append(q.events, events...)
	q.bytes += size
	notify(q.wake)
	return nil
}

func (q *queue) miss(events []stream.Event) {
	for _, e := range events {
		q.remember(e.Project)
	}
}

func (q *queue) remember(projectID string) {
	if q.missed == nil {
		q.missed = map[string]struct{}{}
	}
	if len(q.missed) < queueMissed {
		q.missed[projectID] = struct{}{}
	}
}

// take empties the queue. While Redis is down there is nothing to take.
func (q *queue) take() (events []stream.Event, missed map[string]struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.down {
		return nil, nil
	}
	events, missed = q.events, q.missed
	q.events, q.bytes, q.missed = nil, 0, nil
	return events, missed
}

// fail drops everything, with what was taken but not sent, and refuses more.
func (q *queue) fail(events []stream.Event, missed map[string]struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.down = true
	q.miss(events)
	q.miss(q.events)
	q.events, q.bytes = nil, 0
	for id := range missed {
		q.remember(id)
	}
}

// open takes events again.
func (q *queue) open() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.down = false
	notify(q.wake)
}
