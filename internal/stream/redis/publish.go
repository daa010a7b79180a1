package redis

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/zeblit/zeblit/internal/stream"
)

const (
	// sendTimeout bounds one pipeline. Redis is down when it is over.
	sendTimeout = 2 * time.Second
	// lastSend bounds what is sent after the end of Run's context.
	lastSend = 500 * time.Millisecond
	// batchBytes is about what one pipeline sends at most.
	batchBytes = 1 << 20
	// Pauses between attempts to reach Redis.
	pauseFirst = 50 * time.Millisecond
	pauseMost  = time.Second
)

// publish sends what is queued until ctx ends. One pipeline at a time keeps the order.
func (c *Carrier) publish(ctx context.Context) {
	c.queue.open()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastSend)
			defer cancel()
			_ = c.flush(last)
			c.queue.fail(nil, nil)
			return
		case <-c.queue.wake:
		}
		// What has begun is finished: its own timeout is short.
		if err := c.flush(context.WithoutCancel(ctx)); err != nil {
			c.logger.Warn("Redis takes no events: watchers on other nodes read them from the log", "error", err)
			if c.awaitRedis(ctx) {
				c.logger.Info("Redis takes events again")
			}
		}
	}
}

// flush sends all that is queued. What it can't send is dropped.
func (c *Carrier) flush(ctx context.Context) error {
	events, missed := c.queue.take()
	messages := c.frames(events, missed)
	for len(messages) > 0 {
		n, size := 0, 0
		for n < len(messages) && (n == 0 || size < batchBytes) {
			size += len(messages[n].frame)
			n++
		}
		if err := c.send(ctx, messages[:n]); err != nil {
			c.queue.fail(events, missed)
			return err
		}
		messages = messages[n:]
	}
	return nil
}

func (c *Carrier) send(ctx context.Context, messages []*message) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	pipe := c.client.Pipeline()
	for _, m := range messages {
		pipe.Publish(ctx, m.channel, m.frame)
	}
	_, err := pipe.Exec(ctx)
	return err
}

type message struct {
	channel string
	frame   []byte
}

// frames puts events that follow each other in a project into one frame, and says
// first which projects have lost some.
func (c *Carrier) frames(events []stream.Event, missed map[string]struct{}) []*message {
	var all []*message
	for id := range missed {
		all = append(all, &message{c.prefix + id, newFrame(c.node)})
	}
	open := map[string]*message{}
	for _, e := range events {
		m := open[e.Project]
		if m == nil || len(m.frame)+len(e.Payload) > frameBytes {
			m = &message{c.prefix + e.Project, newFrame(c.node)}
			open[e.Project], all = m, append(all, m)
		}
		m.frame = appendEvent(m.frame, e)
	}
	return all
}

// awaitRedis returns when Redis takes events again. false: ctx has ended.
func (c *Carrier) awaitRedis(ctx context.Context) bool {
	for pause := pauseFirst; ; pause = min(2*pause, pauseMost) {
		select {
		case <-ctx.Done():
			return false
		case <-c.reconnected:
		case <-time.After(jitter(pause)):
		}
		// To a channel of no project: Redis may answer and yet refuse to publish.
		if c.send(ctx, []*message{{c.prefix, newFrame(c.node)}}) == nil {
			c.queue.open()
			return true
		}
	}
}

// jitter spreads the attempts of many nodes.
func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d/2+1) }
