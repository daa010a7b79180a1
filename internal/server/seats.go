package server

import (
	"context"
	"sync"
	"time"

	"github.com/zeblit/zeblit/internal/problem"
)

// seatRetry is when a client that found no seat should ask again.
const seatRetry = 5 * time.Second

// seats bounds how many connections one viewer, or one address without a viewer,
// holds open on this node.
type seats struct {
	limit int // 0: none

	mu    sync.Mutex
	taken map[string]int // by whose; who holds none is not in it
}

func newSeats(limit int) *seats { return &seats{limit: limit, taken: map[string]int{}} }

// take returns what gives the seat back, or RATE_LIMITED.
func (s *seats) take(ctx context.Context) (release func(), err error) {
	if s.limit == 0 {
		return func() {}, nil
	}
	key := whose(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[key] >= s.limit {
		return nil, &problem.Error{Code: problem.RateLimited, Message: "Too many open connections", RetryAfter: seatRetry}
	}
	s.taken[key]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.taken[key]--; s.taken[key] == 0 {
			delete(s.taken, key)
		}
	}, nil
}
