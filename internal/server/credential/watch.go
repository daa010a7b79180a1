// Package credential ends a connection with the credentials that it was opened
// with: when they expire, and soon after they were revoked.
package credential

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/zeblit/zeblit/internal/problem"
)

// Rules say how credentials end. They are the same for all connections.
type Rules struct {
	// Expiry is when the credentials behind an authenticated context end. Zero, or a
	// nil function: never.
	Expiry func(ctx context.Context) time.Time
	// Revalidate is asked every Interval (2 s), and has Timeout (10 s) to answer; an
	// error ends the connection. UNAVAILABLE and a context's own errors say that it
	// could not tell: it is asked again. Nil is never asked.
	Revalidate func(ctx context.Context) error
	Interval   time.Duration
	Timeout    time.Duration
	// Logger hears of a Revalidate that panics, which ends the connection.
	Logger *slog.Logger
}

// Watch watches over one connection. It holds no goroutine between its questions.
type Watch struct {
	rules   Rules
	session context.Context // the connection's: what outlives calls
	end     func()

	mu           sync.Mutex
	stopped      bool
	expiry, next *time.Timer
	asking       sync.WaitGroup
}

// Start calls end once or more when session's credentials have ended. It returns
// nil when they have already. The caller must Stop the watch and Wait.
func (r Rules) Start(session context.Context, end func()) *Watch {
	if r.Interval == 0 {
		r.Interval = 2 * time.Second
	}
	if r.Timeout == 0 {
		r.Timeout = 10 * time.Second
	}
	w := &Watch{rules: r, session: session, end: end}
	w.mu.Lock()
	defer w.mu.Unlock()
	if r.Expiry != nil {
		if at := r.Expiry(session); !at.IsZero() {
			left := time.Until(at)
			if left <= 0 {
				return nil
			}
			w.expiry = time.AfterFunc(left, end)
		}
	}
	if r.Revalidate != nil {
		w.next = time.AfterFunc(r.Interval, w.check)
	}
	return w
}

// Stop ends the watch; a question under way goes on until session ends. A nil
// Watch may be stopped.
func (w *Watch) Stop() {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	for _, timer := range []*time.Timer{w.expiry, w.next} {
		if timer != nil {
			timer.Stop()
		}
	}
}

// Wait returns when no question is under way any more. Call it after Stop, when
// session has ended.
func (w *Watch) Wait() {
	if w != nil {
		w.asking.Wait()
	}
}

// check asks once whether the credentials still hold, and arranges for the next
// time.
func (w *Watch) check() {
	w.mu.Lock()
	if w.stopped {
		w.mu.Unlock()
		return
	}
	w.asking.Add(1)
	w.mu.Unlock()
	defer w.asking.Done()

	if !w.valid() {
		w.end()
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.stopped {
		w.next.Reset(w.rules.Interval)
	}
}

func (w *Watch) valid() (valid bool) {
	ctx, cancel := context.WithTimeout(w.session, w.rules.Timeout)
	defer cancel()
	defer func() {
		if recovered := recover(); recovered != nil {
			w.rules.Logger.ErrorContext(ctx, "revalidating a connection panicked", "panic", recovered)
			valid = false
		}
	}()
	err := w.rules.Revalidate(ctx)
	return err == nil || Undecided(err)
}

// Undecided tells errors that say nothing about the credentials.
func Undecided(err error) bool {
	return problem.Is(err, problem.Unavailable) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
