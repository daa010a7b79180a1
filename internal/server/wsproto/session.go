package wsproto

import (
	"context"
	"errors"
	"time"

	"github.com/zeblit/zeblit/internal/problem"
)

// The timers of a socket hold no goroutine between their calls. Each callback is
// harmless after the socket's end; stopTimers keeps them from starting anew.

func (c *conn) startInitTimer() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.initTimer = time.AfterFunc(c.h.cfg.InitTimeout, func() {
		c.end(ending{code: CodeInitTimeout, reason: "Connection initialisation timeout"})
	})
}

func (c *conn) stopTimers() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done = true
	for _, timer := range []*time.Timer{c.initTimer, c.expiry, c.revalidate} {
		if timer != nil {
			timer.Stop()
		}
	}
}

// initialise authenticates the socket and acknowledges it. It runs in the reader:
// messages sent right behind connection_init wait for its outcome.
func (c *conn) initialise(authorization string) {
	if c.session != nil {
		c.end(ending{code: CodeTooManyInits, reason: "Too many initialisation requests"})
		return
	}
	c.initTimer.Stop()
	if authorization == "" {
		authorization = c.header.Get("Authorization")
	}
	session := c.ctx
	if c.h.cfg.Authenticate != nil {
		var err error
		if session, err = c.authenticate(authorization); err != nil {
			c.refuse(err)
			return
		}
	}
	c.session = session
	if authorization != "" && !c.watch(session) {
		return
	}
	c.send(ack)
}

// authenticate bounds the time of Authenticate without giving a deadline to the
// context that comes out of it.
func (c *conn) authenticate(authorization string) (context.Context, error) {
	ctx, cancel := context.WithCancelCause(c.ctx)
	timer := time.AfterFunc(c.h.cfg.InitTimeout, func() { cancel(context.DeadlineExceeded) })
	session, err := c.h.cfg.Authenticate(ctx, authorization)
	if !timer.Stop() && err == nil {
		err = context.DeadlineExceeded
	}
	if err != nil {
		cancel(err)
		return nil, err
	}
	// The session's cancellation comes from c.ctx.
	return session, nil //nolint:govet // cancel is called where the session is not used
}

func (c *conn) refuse(err error) {
	if undecided(err) || problem.Is(err, problem.Internal) {
		if c.ctx.Err() == nil {
			c.h.cfg.Logger.WarnContext(c.ctx, "authenticate socket", "error", err)
		}
		c.end(tryAgain)
		return
	}
	c.end(forbidden)
}

// undecided tells errors that say nothing about the credentials.
func undecided(err error) bool {
	return problem.Is(err, problem.Unavailable) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// watch ends the socket with its credentials. It reports false when they have
// ended already.
func (c *conn) watch(session context.Context) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.h.cfg.Expiry != nil {
		if at := c.h.cfg.Expiry(session); !at.IsZero() {
			left := time.Until(at)
			if left <= 0 {
				c.end(forbidden)
				return false
			}
			c.expiry = time.AfterFunc(left, func() { c.end(forbidden) })
		}
	}
	if c.h.cfg.Revalidate != nil {
		c.revalidate = time.AfterFunc(c.h.cfg.RevalidateInterval, func() { c.check(session) })
	}
	return true
}

// check asks once whether the credentials still hold, and arranges for the next
// time.
func (c *conn) check(session context.Context) {
	c.mu.Lock()
	if c.done {
		c.mu.Unlock()
		return
	}
	c.background.Add(1)
	c.mu.Unlock()
	defer c.background.Done()

	if !c.valid(session) {
		c.end(forbidden)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.done {
		c.revalidate.Reset(c.h.cfg.RevalidateInterval)
	}
}

func (c *conn) valid(session context.Context) (valid bool) {
	ctx, cancel := context.WithTimeout(session, c.h.cfg.InitTimeout)
	defer cancel()
	defer func() {
		if recovered := recover(); recovered != nil {
			c.h.cfg.Logger.ErrorContext(ctx, "revalidate socket panicked", "panic", recovered)
			valid = false
		}
	}()
	err := c.h.cfg.Revalidate(ctx)
	return err == nil || undecided(err)
}
