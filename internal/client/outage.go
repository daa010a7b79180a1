package client

import (
	"context"
	"errors"
	"io"
	"sync"
	"syscall"
	"time"
)

// What Options.Notice is told.
const (
	ConnectionLost = "connection lost; resuming"
	Resumed        = "resumed"
)

// outage knows whether the server has ever answered, and tells once of each time
// that it went away and of its return, whoever noticed first.
type outage struct {
	mu     sync.Mutex
	notice func(string)
	known  bool // it has answered
	away   bool
	at     time.Time // when it answered last
	back   time.Time // when it did after it had been away
}

// reached notes an answer.
func (o *outage) reached() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.known, o.at = true, time.Now()
	if o.away {
		o.away, o.back = false, o.at
		o.tell(Resumed)
	}
}

// lost notes that there was none to what began at a time, which is news of a server that
// had answered before, and hasn't since.
func (o *outage) lost(began time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.gone(began, o.at)
}

// broke notes the end of a connection that the server had acknowledged at a time, which is
// news unless it was by an outage that is over.
func (o *outage) broke(acknowledged time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.gone(acknowledged, o.back)
}

// gone tells of what is not older than what says otherwise.
func (o *outage) gone(since, otherwise time.Time) {
	if o.known && !o.away && !since.Before(otherwise) {
		o.away = true
		o.tell(ConnectionLost)
	}
}

func (o *outage) tell(s string) {
	if o.notice != nil {
		o.notice(s)
	}
}

func (o *outage) everReached() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.known
}

// doSafely is Do for a query, or a mutation with an idempotency key: it is sent again
// while a server that had answered is away, or asks to be left alone for a while,
// until GiveUpAfter. A server that was never reached is reported at once.
func (c *Client) doSafely(ctx context.Context, query string, variables map[string]any, out any) error {
	return c.safely(ctx, func() error { return c.Do(ctx, query, variables, out) })
}

// safely is doSafely for any request that may be repeated.
func (c *Client) safely(ctx context.Context, request func() error) error {
	begun := time.Now()
	for n := 0; ; n++ {
		began := time.Now()
		err := request()
		wait, again := c.again(err, began, n)
		if !again {
			return err
		}
		if time.Since(begun)+wait > c.options.GiveUpAfter {
			return c.gaveUp(err)
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
}

// again says whether a request that failed is worth repeating, and after how long.
func (c *Client) again(err error, began time.Time, n int) (wait time.Duration, again bool) {
	var unreachable *UnreachableError
	var refusal *GraphQLError
	switch {
	case errors.As(err, &unreachable):
		if !c.outage.everReached() && !cut(err) {
			return 0, false
		}
		c.outage.lost(began)
		return backoff(n), true
	case errors.As(err, &refusal):
		switch refusal.Extensions.Code {
		case "UNAVAILABLE":
			return backoff(n), true
		case "RATE_LIMITED":
			return max(time.Duration(refusal.Extensions.RetryAfter)*time.Second, backoff(n)), true
		}
	}
	return 0, false
}

// gaveUp says how long it was tried, where the server was away.
func (c *Client) gaveUp(err error) error {
	var unreachable *UnreachableError
	if !errors.As(err, &unreachable) {
		return err
	}
	told := *unreachable
	told.After = c.options.GiveUpAfter
	return &told
}

// cut reports whether a connection broke that had been made.
func cut(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET)
}
