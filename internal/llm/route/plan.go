package route

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/zeblit/zeblit/internal/llm"
)

// Action is what to do next.
type Action string

// The actions.
const (
	Call     Action = "call"     // the first candidate
	Retry    Action = "retry"    // the same candidate again
	Fallback Action = "fallback" // the next candidate
	Wait     Action = "wait"     // until a quota is there again, and then make a new plan
	GiveUp   Action = "give_up"  // nothing is left to try
	Done     Action = "done"     // the call has succeeded
)

// Verdict is what a plan says to do next.
type Verdict struct {
	Action    Action
	Candidate Candidate     // of Call, Retry, Fallback
	Pause     time.Duration // before them
	Until     time.Time     // of Wait
	Reason    string        // of Wait and GiveUp, a sentence for users without its full stop
	Err       error         // of GiveUp: the last failure
}

const (
	// patience is how long a vendor may ask to wait before others are tried instead, and
	// the run is shown as waiting when there are none.
	patience = 20 * time.Second
	// attempts are the calls of one candidate while there are others.
	attempts = 3
	// readings are the calls of one whose answers can't be understood.
	readings = 2
)

// Plan leads one call through its candidates. It only ever moves on to later ones, and
// calls each at most Backoff's Attempts times, so that it ends. It isn't for use by
// several at once.
type Plan struct {
	router     *Router
	candidates []Candidate
	at         int         // the candidate that is called
	calls      int         // how often it was
	out        []bool      // by candidate: it can't be used
	resets     []time.Time // by candidate: it was skipped until its quota is there again
	err        error       // the last failure
	over       bool
}

// Plan makes a plan for w; the error is that of Candidates.
func (r *Router) Plan(ctx context.Context, w Wish) (*Plan, error) {
	candidates, err := r.Candidates(ctx, w)
	if err != nil {
		return nil, err
	}
	n := len(candidates)
	return &Plan{router: r, candidates: candidates, out: make([]bool, n), resets: make([]time.Time, n), at: -1}, nil
}

// Begin says which candidate to call first, or until when to wait where the quotas of
// all are used up.
func (p *Plan) Begin() Verdict { return p.next("", Call) }

// After says what to do after a call of the candidate that ended with err, which may be
// nil.
func (p *Plan) After(err error) Verdict {
	if p.over || p.at < 0 {
		return p.giveUp(p.err, "nothing is left to try")
	}
	if err == nil {
		p.over = true
		return Verdict{Action: Done}
	}
	p.err = err
	c := p.candidates[p.at]
	e, ok := errors.AsType[*llm.Error](err)
	switch {
	case !ok: // its caller's end, or a mistake of ours
		return p.giveUp(err, "the call was ended")
	case e.Kind == llm.KindAuth:
		p.refuse(c, e.Status == http.StatusForbidden)
		return p.next(fmt.Sprintf("%s refused the key", c), Fallback)
	case e.Kind == llm.KindTooLarge:
		p.needMoreThan(c.Model.ContextWindow)
		return p.next(fmt.Sprintf("%s can't hold as much", c), Fallback)
	case e.Kind == llm.KindBadResponse:
		if p.calls < readings {
			return p.again(0)
		}
		return p.next(fmt.Sprintf("%s gave an answer that can't be understood", c), Fallback)
	case llm.Retryable(err):
		return p.failed(c, e)
	case e.Status == http.StatusNotFound:
		return p.next(fmt.Sprintf("%s isn't there", c), Fallback)
	}
	return p.giveUp(err, fmt.Sprintf("%s refused the request", c))
}

// failed is after a failure that may pass.
func (p *Plan) failed(c Candidate, e *llm.Error) Verdict {
	if e.RetryAfter > patience {
		p.resets[p.at] = time.Now().Add(e.RetryAfter)
		return p.next(fmt.Sprintf("%s has no quota left", c), Fallback)
	}
	backoff := p.router.backoff
	if p.others() {
		backoff.Attempts = attempts
	}
	if pause, again := backoff.Next(p.calls, e); again {
		return p.again(pause)
	}
	if e.Kind == llm.KindOverloaded {
		return p.next(fmt.Sprintf("%s is overloaded", c), Fallback)
	}
	return p.next(fmt.Sprintf("%s did not answer", c), Fallback)
}

func (p *Plan) again(pause time.Duration) Verdict {
	p.calls++
	return Verdict{Action: Retry, Candidate: p.candidates[p.at], Pause: pause}
}

// next moves on to the candidate after this one that can be used.
func (p *Plan) next(reason string, action Action) Verdict {
	for p.at++; p.at < len(p.candidates); p.at++ {
		c := p.candidates[p.at]
		if p.out[p.at] {
			continue
		}
		pause := p.router.board(c.Server).limited(c)
		if pause > patience {
			p.resets[p.at] = time.Now().Add(pause)
			continue
		}
		if reason != "" {
			c.Reason = reason
			p.candidates[p.at] = c
		}
		p.calls = 1
		return Verdict{Action: action, Candidate: c, Pause: pause}
	}
	if i := p.soonest(); i >= 0 {
		p.over = true
		return Verdict{Action: Wait, Until: p.resets[i], Reason: fmt.Sprintf("%s has no quota left", p.candidates[i])}
	}
	if reason == "" {
		reason = "nothing is left to try"
	}
	return p.giveUp(p.err, reason)
}

func (p *Plan) giveUp(err error, reason string) Verdict {
	p.over = true
	return Verdict{Action: GiveUp, Err: err, Reason: reason}
}

// others reports whether a later candidate can be called.
func (p *Plan) others() bool { return slices.Contains(p.out[p.at+1:], false) }

// refuse leaves out what the refused key is for: the model, or all of its server.
func (p *Plan) refuse(c Candidate, modelOnly bool) {
	for i, other := range p.candidates {
		if other.Server == c.Server && (!modelOnly || other.Model.ID == c.Model.ID) {
			p.out[i] = true
		}
	}
}

// needMoreThan leaves out the candidates that aren't known to have a larger window.
func (p *Plan) needMoreThan(window int64) {
	for i, c := range p.candidates {
		if c.Model.ContextWindow <= window {
			p.out[i] = true
		}
	}
}

// soonest is the candidate that was skipped and has a quota again first, or -1.
func (p *Plan) soonest() int {
	first := -1
	for i, until := range p.resets {
		if !p.out[i] && !until.IsZero() && (first < 0 || until.Before(p.resets[first])) {
			first = i
		}
	}
	return first
}
