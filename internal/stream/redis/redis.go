// Package redis carries events between nodes through Redis's pub/sub.
//
// Each project has a channel, named after the installation because pub/sub knows
// no database numbers. A node has one connection that is subscribed to the channels
// of the projects that somebody watches here, and sends what it publishes in
// pipelines. What a node publishes reaches its own subscribers directly, and its
// echo from Redis is dropped: within the node Redis isn't needed.
//
// Nothing waits for Redis. What can't be sent is dropped, and whenever something may
// have been lost (at the start of a subscription, when the connection breaks and
// when it is back) subscribers are told, and read the log.
package redis

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"sync/atomic"

	goredis "github.com/redis/go-redis/v9"

	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/stream/memory"
)

// Carrier is a stream.Carrier for several nodes.
type Carrier struct {
	client goredis.UniversalClient
	prefix string // of a channel's name; the project's id follows
	node   nodeID
	logger *slog.Logger
	local  *memory.Carrier

	healthy atomic.Bool
	queue   queue
	// reconnected holds one token when the listening connection has come up: the
	// publisher then needn't wait to try again.
	reconnected chan struct{}

	mu   sync.Mutex
	refs map[string]int // local subscribers by project
	// changed are the projects whose channel may have to be subscribed to, or no longer.
	changed map[string]struct{}
	// wake holds one token while changed isn't empty.
	wake chan struct{}
}

// New makes a Carrier for one installation on client, which stays the caller's to
// close after Run has ended. All nodes of the installation give the same id.
func New(client goredis.UniversalClient, installationID string, logger *slog.Logger) *Carrier {
	c := &Carrier{
		client: client, prefix: "zeblit:" + installationID + ":events:", logger: logger,
		local: memory.New(), queue: queue{wake: make(chan struct{}, 1)}, reconnected: make(chan struct{}, 1),
		refs: map[string]int{}, changed: map[string]struct{}{}, wake: make(chan struct{}, 1),
	}
	_, _ = rand.Read(c.node[:]) // never fails
	return c
}

// Publish tells the subscribers of this node before it returns, and those of others
// soon. While Redis is away (stream.ErrCarrierDown), and when events come faster than
// it takes them, those for the other nodes are dropped.
func (c *Carrier) Publish(ctx context.Context, events []stream.Event) error {
	if err := c.local.Publish(ctx, events); err != nil {
		return err
	}
	return c.queue.put(events)
}

// Subscribe hears this node's events at once, and those of others when Redis has
// confirmed it, which gap tells.
func (c *Carrier) Subscribe(projectID string, hear func(stream.Event), gap func()) (cancel func()) {
	deaf := c.local.Subscribe(projectID, hear, gap)
	c.count(projectID, 1)
	var once sync.Once
	return func() {
		once.Do(func() {
			deaf()
			c.count(projectID, -1)
		})
	}
}

func (c *Carrier) count(projectID string, by int) {
	c.mu.Lock()
	n := c.refs[projectID] + by
	if n == 0 {
		delete(c.refs, projectID)
	} else {
		c.refs[projectID] = n
	}
	turned := n == 0 || n == by // the first came or the last left
	if turned {
		c.changed[projectID] = struct{}{}
	}
	c.mu.Unlock()
	if turned {
		notify(c.wake)
	}
}

// Healthy reports whether this node is connected and subscribed to all it watches.
func (c *Carrier) Healthy() bool { return c.healthy.Load() }

// Run keeps the connections until ctx ends. It never fails: without Redis it goes on
// trying. When ctx ends it sends what is still queued, if that is quick.
func (c *Carrier) Run(ctx context.Context) error {
	var work sync.WaitGroup
	work.Go(func() { c.publish(ctx) })
	work.Go(func() { c.listen(ctx) })
	work.Wait()
	return nil
}

// notify puts the token into a channel that holds one.
func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
