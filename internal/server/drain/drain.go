// Package drain keeps the connections that a transport holds open, and ends them when
// the server goes away.
package drain

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// Set is what is open. Its zero value is empty. It is safe for use by many.
type Set[T comparable] struct {
	mu       sync.Mutex
	open     map[T]struct{}
	draining bool
	running  sync.WaitGroup // one for each that was entered
}

// Enter lets one more in, unless the server goes away. Who was let in calls Leave.
func (s *Set[T]) Enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return false
	}
	s.running.Add(1)
	return true
}

// Add makes an item that was let in known to Shutdown. It reports false when that has
// begun meanwhile: the caller then ends the item.
func (s *Set[T]) Add(item T) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[T]struct{}{}
	}
	s.open[item] = struct{}{}
	return !s.draining
}

// Leave forgets an item, which need not have been added, once all of it has ended.
func (s *Set[T]) Leave(item T) {
	s.mu.Lock()
	delete(s.open, item)
	s.mu.Unlock()
	s.running.Done()
}

// Len is how many are open.
func (s *Set[T]) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// lastTime is what those that were broken off have to leave.
const lastTime = 8 * time.Second

// Shutdown lets nobody in any more, calls end for each item, some at a time over up to
// 5 s, and returns once all have left. When ctx ends first it calls breakOff for those
// that haven't: clients who don't read. That is no error, unless some then don't leave
// within 8 s.
func (s *Set[T]) Shutdown(ctx context.Context, end, breakOff func(T)) error {
	s.mu.Lock()
	s.draining = true
	open := slices.Collect(maps.Keys(s.open))
	s.mu.Unlock()
	spread(ctx, open, end)

	left := make(chan struct{})
	go func() {
		defer close(left)
		s.running.Wait()
	}()
	select {
	case <-left:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	for item := range s.open {
		breakOff(item)
	}
	s.mu.Unlock()
	select {
	case <-left:
		return nil
	case <-time.After(lastTime):
		return fmt.Errorf("%d connections don't end: %w", s.Len(), ctx.Err())
	}
}
