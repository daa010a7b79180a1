package redis

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"
)

const (
	// pingEvery asks for a sign of life, and without one for silence the connection
	// counts as dead. The messages of others are such signs too.
	pingEvery = 3 * time.Second
	silence   = 5 * time.Second
	// subscribeMost is how many channels one command names.
	subscribeMost = 500
	// complete is the payload of the ping that follows the first subscriptions.
	complete = "complete"
)

// listen hears what other nodes publish until ctx ends, over one connection after
// another.
func (c *Carrier) listen(ctx context.Context) {
	pause := pauseFirst
	for lost := false; ; {
		err := c.connection(ctx)
		if c.healthy.Swap(false) {
			pause, lost = pauseFirst, false
			c.local.Gap(c.watched()...) // the latest events may not have come
		}
		if ctx.Err() != nil {
			return
		}
		if !lost {
			lost = true
			c.logger.Warn("no connection to Redis: what other nodes do is read from the log", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(jitter(pause)):
		}
		pause = min(2*pause, pauseMost)
	}
}

func (c *Carrier) watched() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Keys(c.refs))
}

// connection returns why it ended; ctx ends it too.
//
// go-redis's own channels are no use here: they drop messages, connect again without
// a word, and write pings but await no answer. Here one goroutine reads with a
// deadline, one writes, and the first error closes the connection.
func (c *Carrier) connection(ctx context.Context) error {
	pubsub := c.client.Subscribe(ctx)
	if err := pubsub.Ping(ctx); err != nil { // connects
		return errors.Join(err, pubsub.Close())
	}
	group, ctx := errgroup.WithContext(ctx)
	// An error makes go-redis connect again by itself, with the context of the call
	// that failed. It ends here instead: with a context that is over it can't.
	over, cancel := context.WithCancel(ctx)
	cancel()
	group.Go(func() error { // ends a read that waits
		<-ctx.Done()
		return pubsub.Close()
	})
	group.Go(func() error { return c.read(over, pubsub) })
	group.Go(func() error { return c.write(ctx, over, pubsub) })
	return group.Wait()
}

func (c *Carrier) read(over context.Context, pubsub *goredis.PubSub) error {
	for {
		m, err := pubsub.ReceiveTimeout(over, silence)
		if err != nil {
			return fmt.Errorf("hear from Redis: %w", err)
		}
		switch m := m.(type) {
		case *goredis.Message:
			c.receive(m)
		case *goredis.Subscription:
			if id, ok := strings.CutPrefix(m.Channel, c.prefix); ok && m.Kind == "subscribe" {
				c.local.Gap(id) // what came before this went to others only
			}
		case *goredis.Pong:
			if m.Payload == complete && !c.healthy.Swap(true) {
				c.logger.Info("connected to Redis")
				notify(c.reconnected)
			}
		}
	}
}

// receive hands on what another node has published. What can't be read is a loss.
func (c *Carrier) receive(m *goredis.Message) {
	id, ok := strings.CutPrefix(m.Channel, c.prefix)
	if !ok {
		return
	}
	events, own, err := decode(id, m.Payload, c.node)
	switch {
	case own:
	case err != nil:
		c.logger.Debug("a message from another node is ignored", "error", err)
		c.local.Gap(id)
	case len(events) == 0:
		c.local.Gap(id)
	default:
		_ = c.local.Publish(context.Background(), events) // never fails
	}
}

// write subscribes to what is watched, and pings. over is what go-redis is called with.
func (c *Carrier) write(ctx, over context.Context, pubsub *goredis.PubSub) error {
	c.mu.Lock()
	for id := range c.refs {
		c.changed[id] = struct{}{}
	}
	c.mu.Unlock()
	subscribed := map[string]struct{}{}
	if err := c.resubscribe(over, pubsub, subscribed); err != nil {
		return err
	}
	if err := pubsub.Ping(over, complete); err != nil {
		return fmt.Errorf("ping Redis: %w", err)
	}
	ticker := time.NewTicker(pingEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-c.wake:
			if err := c.resubscribe(over, pubsub, subscribed); err != nil {
				return err
			}
		case <-ticker.C:
			if err := pubsub.Ping(over); err != nil {
				return fmt.Errorf("ping Redis: %w", err)
			}
		}
	}
}

// resubscribe tells Redis of the channels that have come and gone, and keeps
// subscribed up to date.
func (c *Carrier) resubscribe(over context.Context, pubsub *goredis.PubSub, subscribed map[string]struct{}) error {
	var come, gone []string
	c.mu.Lock()
	for id := range c.changed {
		_, is := subscribed[id]
		switch should := c.refs[id] > 0; {
		case should && !is:
			subscribed[id] = struct{}{}
			come = append(come, c.prefix+id)
		case is && !should:
			delete(subscribed, id)
			gone = append(gone, c.prefix+id)
		}
	}
	clear(c.changed)
	c.mu.Unlock()
	var errs []error
	for chunk := range slices.Chunk(come, subscribeMost) {
		errs = append(errs, pubsub.Subscribe(over, chunk...))
	}
	for chunk := range slices.Chunk(gone, subscribeMost) {
		errs = append(errs, pubsub.Unsubscribe(over, chunk...))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("subscribe at Redis: %w", err)
	}
	return nil
}
