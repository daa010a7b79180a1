// Package heartbeat gives many connections a beat each, with one timer for all of them.
package heartbeat

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// parts are the groups that are beaten one after the other in an interval, so that not
// all connections have something to write in the same moment.
const parts = 12

// Beats calls a function for each of many items, once in an interval. It is made by New
// and holds no goroutine between its calls. It is safe for use by many.
type Beats[T comparable] struct {
	interval time.Duration
	beat     func(T)

	mu    sync.Mutex
	items [parts]map[T]struct{}
	count int
	at    int // the part that was beaten last
	timer *time.Timer
}

// New makes Beats. beat may be called for an item that is being removed.
func New[T comparable](interval time.Duration, beat func(T)) *Beats[T] {
	return &Beats[T]{interval: interval, beat: beat}
}

// Add gives item its first beat after about the interval.
func (b *Beats[T]) Add(item T) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.items[b.at] == nil {
		b.items[b.at] = map[T]struct{}{}
	}
	b.items[b.at][item] = struct{}{}
	if b.count++; b.count > 1 {
		return
	}
	if b.timer == nil {
		b.timer = time.AfterFunc(b.interval/parts, b.next)
	} else {
		b.timer.Reset(b.interval / parts)
	}
}

// Remove forgets an item that was added.
func (b *Beats[T]) Remove(item T) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for part, items := range b.items {
		if _, in := items[item]; !in {
			continue
		}
		delete(items, item)
		b.count--
		if len(items) == 0 {
			b.items[part] = nil // a map keeps the size that it once had
		}
	}
	if b.count == 0 && b.timer != nil {
		b.timer.Stop()
	}
}

func (b *Beats[T]) next() {
	b.mu.Lock()
	b.at = (b.at + 1) % parts
	due := slices.Collect(maps.Keys(b.items[b.at]))
	if b.count > 0 {
		b.timer.Reset(b.interval / parts)
	}
	b.mu.Unlock()
	for _, item := range due {
		b.beat(item)
	}
}
