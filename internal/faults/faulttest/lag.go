package faulttest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/zeblit/zeblit/internal/client"
)

// Lag measures how late watchers see what happens: from when an event was made, by the
// machine's one clock, to its arrival at a watcher of the last server. Each project has
// one.
type Lag struct {
	leave    context.CancelFunc
	watchers sync.WaitGroup

	mu   sync.Mutex
	late []time.Duration
	errs []error
}

// MeasureLag begins to measure, with what happens from now on.
func (s *Suite) MeasureLag(ctx context.Context) *Lag {
	ctx, leave := context.WithCancel(ctx)
	l := &Lag{leave: leave}
	c := s.Load.clients[len(s.Load.clients)-1]
	for _, p := range s.Load.Projects {
		l.watchers.Go(func() {
			err := c.ProjectEvents(ctx, p.ID, "", l.take)
			if ctx.Err() == nil {
				l.mu.Lock()
				defer l.mu.Unlock()
				l.errs = append(l.errs, fmt.Errorf("the watcher of %s left: %w", p.ID, err))
			}
		})
	}
	return l
}

func (l *Lag) take(e client.Event) error {
	var event struct{ At time.Time }
	if err := json.Unmarshal(e.Raw, &event); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.late = append(l.late, time.Since(event.At))
	return nil
}

// Since returns how late all were that came since it was called last.
func (l *Lag) Since() []time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	late := l.late
	l.late = nil
	return late
}

// End ends the measurement. The error says that a watcher left before.
func (l *Lag) End() error {
	l.leave()
	l.watchers.Wait()
	return errors.Join(l.errs...)
}

// FlushRedis has Redis forget all that it knows.
func (s *Suite) FlushRedis(ctx context.Context) error {
	s.did("Redis flushed")
	options, err := redis.ParseURL(s.In.Redis.URL())
	if err != nil {
		return err
	}
	c := redis.NewClient(options)
	return errors.Join(c.FlushAll(ctx).Err(), c.Close())
}
