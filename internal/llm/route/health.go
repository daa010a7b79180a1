package route

import (
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/zeblit/zeblit/internal/llm"
)

// State says whether calls go to a model.
type State string

// The states of a model.
const (
	Unknown State = "unknown" // it hasn't been called since the start
	Healthy State = "healthy" // it answers, or has failed only now and then
	Limited State = "limited" // its quota is used up until ResetsAt
	Down    State = "down"    // it doesn't answer, or refuses the key; others come first until RetryAt
	Trial   State = "trial"   // it was down, and the next call tries it again
)

// Health is how a model did lately, as far as this process knows.
type Health struct {
	State       State
	LastSuccess time.Time
	LastFailure time.Time
	Failure     string        // what the vendor said then; it holds no key
	Calls       int           // how many of the last calls ErrorRate and Latency tell of, at most 20
	ErrorRate   float64       // from 0 to 1
	Latency     time.Duration // of those that succeeded, on average; 0: none did
	ResetsAt    time.Time     // when Limited
	RetryAt     time.Time     // when Down
}

const (
	remembered   = 20 // calls
	enough       = 5  // failures in a row after which a model is down
	firstPause   = 30 * time.Second
	longestPause = 5 * time.Minute
	longestTrial = 2 * time.Minute // a call that is never reported holds up the next trial no longer
	mostModels   = 1000
)

// board is what is known of all that the same keys open.
type board struct {
	mu sync.Mutex
	of map[ref]*health // a ref without a model is the server itself
}

func newBoard() *board { return &board{of: map[ref]*health{}} }

// health is what is known of one model, or of a server whose key was refused.
type health struct {
	last     []outcome // the newest last
	inARow   int       // failures since anything else
	success  time.Time
	failure  time.Time
	message  string
	limited  time.Time     // until then its quota is used up
	pause    time.Duration // how long it is down; 0: it isn't
	retryAt  time.Time     // when it may be tried
	trial    bool          // it is being tried
	trialEnd time.Time     // or was, and nobody reported it
}

type outcome struct {
	ok      bool
	latency time.Duration
}

func (h *health) down() bool { return h.pause > 0 }

func (h *health) trying(now time.Time) bool { return h.trial && now.Before(h.trialEnd) }

// Report tells how a call of c ended: with err nil after latency, or with an error of
// the provider. A call that its caller ended tells nothing.
func (r *Router) Report(c Candidate, err error, latency time.Duration) {
	r.board(c.Server).report(c, err, latency)
}

func (b *board) report(c Candidate, err error, latency time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	model, server := b.entry(c.ref()), b.entry(ref{server: c.Server})
	model.trial, server.trial = false, false
	if err == nil {
		model.succeeded(now, latency)
		server.succeeded(now, latency)
		return
	}
	e, ok := errors.AsType[*llm.Error](err)
	if !ok {
		return
	}
	switch {
	case e.Kind == llm.KindAuth && e.Status == http.StatusForbidden:
		model.failed(now, e, enough)
	case e.Kind == llm.KindAuth:
		model.failed(now, e, 0)
		server.failed(now, e, enough)
	case llm.Retryable(err):
		model.failed(now, e, 1)
	case e.Kind == llm.KindBadResponse:
		model.failed(now, e, 0)
	default: // it answered, and refused what it was asked
		model.answered()
		server.answered()
	}
}

// entry is what is known of a model or server, from now on.
func (b *board) entry(to ref) *health {
	h := b.of[to]
	if h == nil {
		if len(b.of) >= mostModels {
			for key, old := range b.of {
				if !old.down() {
					delete(b.of, key)
				}
			}
		}
		h = &health{}
		b.of[to] = h
	}
	return h
}

func (h *health) succeeded(now time.Time, latency time.Duration) {
	h.remember(outcome{true, latency})
	h.success, h.limited = now, time.Time{}
	h.answered()
}

// answered closes the circuit.
func (h *health) answered() { h.inARow, h.pause, h.retryAt = 0, 0, time.Time{} }

// failed counts a failure as so many in a row, and opens the circuit after enough; of a
// trial one is.
func (h *health) failed(now time.Time, e *llm.Error, count int) {
	h.remember(outcome{})
	h.failure, h.message = now, e.Error()
	if e.RetryAfter > 0 && e.Kind == llm.KindOverloaded {
		h.limited = now.Add(e.RetryAfter)
	}
	h.inARow += count
	switch {
	case h.down() && count > 0 && !now.Before(h.retryAt):
		h.pause = min(2*h.pause, longestPause)
		h.retryAt = now.Add(h.pause)
	case !h.down() && h.inARow >= enough:
		h.pause = firstPause
		h.retryAt = now.Add(h.pause)
	}
}

func (h *health) remember(o outcome) {
	if h.last = append(h.last, o); len(h.last) > remembered {
		h.last = h.last[1:]
	}
}

// admits reports whether calls may go to c: because it is well, or else, with try,
// because it may be tried again, and nobody else tries it then.
func (b *board) admits(c Candidate, now time.Time, try bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.usable(c, now) || try && b.claim(c, now)
}

// usable reports whether calls may go to c as if nothing were. A short wait for a quota
// is nothing.
func (b *board) usable(c Candidate, now time.Time) bool {
	for _, to := range []ref{c.ref(), {server: c.Server}} {
		if h := b.of[to]; h != nil && (h.down() || h.limited.Sub(now) > patience) {
			return false
		}
	}
	return true
}

// claim takes the right to try c again, where it is time and nobody has it.
func (b *board) claim(c Candidate, now time.Time) bool {
	var try []*health
	for _, to := range []ref{c.ref(), {server: c.Server}} {
		h := b.of[to]
		switch {
		case h == nil:
		case h.limited.Sub(now) > patience, h.down() && (now.Before(h.retryAt) || h.trying(now)):
			return false
		case h.down():
			try = append(try, h)
		}
	}
	for _, h := range try {
		h.trial, h.trialEnd = true, now.Add(longestTrial)
	}
	return true
}

// trouble says in words why c is not usable.
func (b *board) trouble(c Candidate, now time.Time) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if h := b.of[ref{server: c.Server}]; h != nil && h.down() {
		return "refused the key"
	}
	if h := b.of[c.ref()]; h != nil && now.Before(h.limited) {
		return "has no quota left"
	}
	return "did not answer lately"
}

// limited is how long the quota of c is used up; 0: it isn't.
func (b *board) limited(c Candidate) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if h := b.of[c.ref()]; h != nil {
		return max(time.Until(h.limited), 0)
	}
	return 0
}

// Health is how a model of a server did lately.
func (r *Router) Health(server, model string) Health {
	return r.board(server).health(ref{server, model})
}

func (b *board) health(to ref) Health {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	out := Health{State: Unknown}
	if h := b.of[to]; h != nil {
		out = h.shown(now)
	}
	if h := b.of[ref{server: to.server}]; h != nil && h.down() {
		refused := h.shown(now)
		out.State, out.RetryAt = refused.State, refused.RetryAt
		if out.LastFailure.Before(refused.LastFailure) {
			out.LastFailure, out.Failure = refused.LastFailure, refused.Failure
		}
	}
	return out
}

func (h *health) shown(now time.Time) Health {
	out := Health{State: Unknown, LastSuccess: h.success, LastFailure: h.failure, Failure: h.message, Calls: len(h.last)}
	var good int
	for _, o := range h.last {
		if o.ok {
			good++
			out.Latency += o.latency
		}
	}
	if good > 0 {
		out.Latency /= time.Duration(good)
	}
	if out.Calls > 0 {
		out.State = Healthy
		out.ErrorRate = float64(out.Calls-good) / float64(out.Calls)
	}
	switch {
	case now.Before(h.limited):
		out.State, out.ResetsAt = Limited, h.limited
	case h.down() && (now.Before(h.retryAt) || h.trying(now)):
		out.State, out.RetryAt = Down, h.retryAt
	case h.down():
		out.State = Trial
	}
	return out
}
