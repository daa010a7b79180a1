package wsproto

import (
	"context"
	"time"

	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/server/credential"
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
	if c.initTimer != nil {
		c.initTimer.Stop()
	}
	c.watch.Stop()
}

func (c *conn) stopInitTimer() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.initTimer.Stop()
	c.initTimer = nil
}

// initialise authenticates the socket and acknowledges it. It runs in the reader:
// messages sent right behind connection_init wait for its outcome.
func (c *conn) initialise(authorization string) {
	if c.session != nil {
		c.end(ending{code: CodeTooManyInits, reason: "Too many initialisation requests"})
		return
	}
	c.stopInitTimer()
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
	if !c.watchOver(session, authorization) {
		c.end(forbidden)
		return
	}
	if c.h.cfg.Admit != nil {
		release, err := c.h.cfg.Admit(session)
		if err != nil {
			c.end(tooMany)
			return
		}
		c.release = release
	}
	c.session = session
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

// refuse ends a socket whose credentials don't hold. What isn't a problem of theirs, as
// a database that is away, says nothing about them: the client is to come again.
func (c *conn) refuse(err error) {
	if problem.As(err) == nil || credential.Undecided(err) || problem.Is(err, problem.Internal) {
		if c.ctx.Err() == nil {
			c.h.cfg.Logger.WarnContext(c.ctx, "authenticate socket", "error", err)
		}
		c.end(tryAgain)
		return
	}
	c.end(forbidden)
}

// watchOver ends the socket with its credentials. It reports false when they have
// ended already. A socket without any has nothing that could end.
func (c *conn) watchOver(session context.Context, authorization string) bool {
	if authorization == "" {
		return true
	}
	watch, ok := c.h.cfg.Credentials.Watch(session, func() { c.end(forbidden) })
	c.watch = watch
	return ok
}
