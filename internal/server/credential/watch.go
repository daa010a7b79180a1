// Package credential ends connections with the credentials that they were opened with:
// when they expire, and soon after they were revoked. However many connections came with
// a credential, it is asked about once.
package credential

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/zeblit/zeblit/internal/problem"
)

// Rules say how credentials end.
type Rules struct {
	// Expiry is when the credentials behind an authenticated context end. Zero, or a
	// nil function: never.
	Expiry func(ctx context.Context) time.Time
	// Name names the credential behind an authenticated context. Nil: each connection
	// has one of its own.
	Name func(ctx context.Context) string
	// Revalidate is asked every Interval (2 s) about all credentials at once, and has
	// Timeout (10 s) to answer. It is given a context for each, and returns an error for
	// each; one ends the connections that came with that credential. UNAVAILABLE and a
	// context's own errors say that it could not tell: it is asked again. Nil is never
	// asked.
	Revalidate func(ctx context.Context, holders []context.Context) []error
	Interval   time.Duration
	Timeout    time.Duration
	// Logger hears of a Revalidate that panics, which ends all connections that it was
	// asked about. Nil is slog.Default().
	Logger *slog.Logger
}

// Keeper watches over many connections. A nil one lets them be.
type Keeper struct {
	rules   Rules
	running sync.WaitGroup
	// sooner holds one token when something expires before planned.
	sooner chan struct{}

	mu      sync.Mutex
	holders map[any]*holder // by the credential's name, or the Watch
	planned time.Time       // when the loop looks again at the latest
	stop    context.CancelFunc
}

// holder is one credential.
type holder struct {
	name    any
	watches map[*Watch]struct{}
}

// Watch is a Keeper's for one connection.
type Watch struct {
	keeper  *Keeper
	holder  *holder
	session context.Context // the connection's: what outlives calls
	expires time.Time
	end     func()
}

// New makes a Keeper. It has goroutines only while there is something to watch over.
func New(r Rules) *Keeper {
	if r.Interval == 0 {
		r.Interval = 2 * time.Second
	}
	if r.Timeout == 0 {
		r.Timeout = 10 * time.Second
	}
	if r.Logger == nil {
		r.Logger = slog.Default()
	}
	return &Keeper{rules: r, sooner: make(chan struct{}, 1), holders: map[any]*holder{}}
}

// Watch calls end once when session's credentials have ended. It returns nil and false
// when they have already. The caller stops the watch.
func (k *Keeper) Watch(session context.Context, end func()) (w *Watch, ok bool) {
	if k == nil {
		return nil, true
	}
	w = &Watch{keeper: k, session: session, end: end}
	if k.rules.Expiry != nil {
		if w.expires = k.rules.Expiry(session); !w.expires.IsZero() && !w.expires.After(time.Now()) {
			return nil, false
		}
	}
	var name any = w
	if k.rules.Name != nil {
		name = k.rules.Name(session)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	w.holder = k.holders[name]
	if w.holder == nil {
		w.holder = &holder{name, map[*Watch]struct{}{}}
		k.holders[name] = w.holder
	}
	w.holder.watches[w] = struct{}{}
	switch {
	case k.stop == nil:
		ctx, cancel := context.WithCancel(context.Background())
		k.stop = cancel
		k.planned = time.Time{}
		k.running.Go(func() { k.run(ctx) })
	case !w.expires.IsZero() && w.expires.Before(k.planned):
		select {
		case k.sooner <- struct{}{}:
		default:
		}
	}
	return w, true
}

// Stop ends the watch. A nil Watch may be stopped, and any may be twice.
func (w *Watch) Stop() {
	if w == nil {
		return
	}
	w.keeper.mu.Lock()
	defer w.keeper.mu.Unlock()
	w.keeper.drop(w)
}

func (k *Keeper) drop(w *Watch) {
	delete(w.holder.watches, w)
	if len(w.holder.watches) == 0 && k.holders[w.holder.name] == w.holder {
		delete(k.holders, w.holder.name)
	}
	if len(k.holders) == 0 && k.stop != nil {
		k.stop()
		k.stop = nil
	}
}

// Wait returns when nothing goes on any more, as it does once all watches were stopped.
func (k *Keeper) Wait() {
	if k != nil {
		k.running.Wait()
	}
}

func (k *Keeper) run(ctx context.Context) {
	due := time.Now().Add(k.rules.Interval)
	timer := time.NewTimer(0)
	defer timer.Stop()
	var answered chan struct{} // while Revalidate is asked
	for {
		timer.Reset(time.Until(k.plan(due)))
		select {
		case <-ctx.Done():
			if answered != nil {
				<-answered
			}
			return
		case <-k.sooner:
		case <-answered:
			answered, due = nil, time.Now().Add(k.rules.Interval)
		case <-timer.C:
			k.expire()
			if time.Now().Before(due) {
				continue
			}
			due = time.Now().Add(k.rules.Interval)
			if k.rules.Revalidate == nil || answered != nil {
				continue
			}
			asking := make(chan struct{})
			answered = asking
			go func() {
				defer close(asking)
				k.ask(ctx)
			}()
		}
	}
}

// plan is when to look again.
func (k *Keeper) plan(due time.Time) time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.planned = due
	for _, h := range k.holders {
		for w := range h.watches {
			if !w.expires.IsZero() && w.expires.Before(k.planned) {
				k.planned = w.expires
			}
		}
	}
	return k.planned
}

// expire ends what has expired.
func (k *Keeper) expire() {
	now := time.Now()
	k.each(func(w *Watch) bool { return !w.expires.IsZero() && !w.expires.After(now) }, nil)
}

// each takes the watches that over says are over, of all credentials or of these, and
// ends their connections.
func (k *Keeper) each(over func(*Watch) bool, of []*holder) {
	var ended []*Watch
	k.mu.Lock()
	if of == nil {
		for _, h := range k.holders {
			of = append(of, h)
		}
	}
	for _, h := range of {
		for w := range h.watches {
			if over(w) {
				ended = append(ended, w)
			}
		}
	}
	for _, w := range ended {
		k.drop(w)
	}
	k.mu.Unlock()
	for _, w := range ended {
		w.end()
	}
}

// ask asks once whether the credentials still hold.
func (k *Keeper) ask(ctx context.Context) {
	var holders []*holder
	var sessions []context.Context
	k.mu.Lock()
	for _, h := range k.holders {
		for w := range h.watches {
			holders, sessions = append(holders, h), append(sessions, w.session)
			break
		}
	}
	k.mu.Unlock()
	if len(holders) == 0 {
		return
	}
	errs := k.revalidate(ctx, sessions)
	var over []*holder
	for i, h := range holders {
		if errs == nil || errs[i] != nil && !Undecided(errs[i]) {
			over = append(over, h)
		}
	}
	if len(over) > 0 && ctx.Err() == nil {
		k.each(func(*Watch) bool { return true }, over)
	}
}

// revalidate returns nil when it panics.
func (k *Keeper) revalidate(ctx context.Context, sessions []context.Context) (errs []error) {
	ctx, cancel := context.WithTimeout(ctx, k.rules.Timeout)
	defer cancel()
	defer func() {
		if recovered := recover(); recovered != nil {
			k.rules.Logger.ErrorContext(ctx, "revalidating connections panicked", "panic", recovered)
			errs = nil
		}
	}()
	return k.rules.Revalidate(ctx, sessions)
}

// Undecided tells errors that say nothing about the credentials.
func Undecided(err error) bool {
	return problem.Is(err, problem.Unavailable) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
