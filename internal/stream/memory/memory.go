// Package memory carries events between the goroutines of one process.
package memory

import (
	"context"
	"sync"

	"github.com/zeblit/zeblit/internal/stream"
)

// Carrier is a stream.Carrier for a single node. It loses nothing.
type Carrier struct {
	mu       sync.Mutex
	last     int
	projects map[string][]subscriber
}

type subscriber struct {
	id   int
	hear func(stream.Event)
	gap  func()
}

// New makes a Carrier, which works from then on.
func New() *Carrier { return &Carrier{projects: map[string][]subscriber{}} }

// Publish calls the subscribers before it returns; it never fails.
func (c *Carrier) Publish(_ context.Context, events []stream.Event) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range events {
		for _, s := range c.projects[e.Project] {
			s.hear(e)
		}
	}
	return nil
}

// Gap tells the subscribers of the projects that they may have missed events. It is
// for carriers that bring events from elsewhere to this one.
func (c *Carrier) Gap(projectIDs ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range projectIDs {
		for _, s := range c.projects[id] {
			s.gap()
		}
	}
}

// Subscribe takes effect before it returns. gap is called by Gap only.
func (c *Carrier) Subscribe(projectID string, hear func(stream.Event), gap func()) (cancel func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last++
	id := c.last
	c.projects[projectID] = append(c.projects[projectID], subscriber{id, hear, gap})
	return func() { c.remove(projectID, id) }
}

func (c *Carrier) remove(projectID string, id int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var left []subscriber
	for _, s := range c.projects[projectID] {
		if s.id != id {
			left = append(left, s)
		}
	}
	if left == nil {
		delete(c.projects, projectID)
		return
	}
	c.projects[projectID] = left
}

// Healthy is always true.
func (c *Carrier) Healthy() bool { return true }

// Run waits for the end of ctx: there is no connection to keep.
func (c *Carrier) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}
