package run

import (
	"context"
	"errors"
	"time"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/agent/tools"
	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/usage"
)

func init() { leaseTerm, stopTimeout = time.Minute, time.Minute }

// Hands is an engine worked by hand, a move at a time.
type Hands struct {
	*Engine
	ctx context.Context
}

// Claim is a lease taken by hand.
type Claim struct{ l *lease }

// ByHand takes hold of an engine that doesn't run.
func ByHand(e *Engine) *Hands {
	e.beatLimit = time.Minute
	return &Hands{Engine: e, ctx: access.As(context.Background(), access.Engine)}
}

// Refused says whether a write was refused because its lease is lost.
func Refused(err error) bool { return errors.Is(err, errLost) || errors.Is(err, ErrMoved) }

// Claim takes the run; nil when it isn't to be had.
func (h *Hands) Claim(id string) (*Claim, error) {
	l, err := h.claim(h.ctx, id)
	if l == nil {
		return nil, err
	}
	return &Claim{l}, err
}

// Next takes the run that is next in fairness; empty when there is none.
func (h *Hands) Next() (*Claim, error) {
	l, err := h.claimNext(h.ctx)
	if l == nil {
		return nil, err
	}
	return &Claim{l}, err
}

// Run is the claimed run as it was then.
func (c *Claim) Run() *ent.Run { return c.l.run }

// Step ends the step: the run is free for the next.
func (h *Hands) Step(c *Claim) error { return h.boundary(h.ctx, c.l) }

// See reads what the model is to be shown.
func (h *Hands) See(c *Claim) error {
	_, _, err := h.said(h.ctx, c.l)
	return err
}

// Shown is what the model would be shown, without a look for what was said to the run.
func (h *Hands) Shown(c *Claim) ([]llm.Message, error) {
	messages, _, err := transcript(h.ctx, h.db.Ent, c.l.run)
	return messages, err
}

// Hold has the claimed run's lease renewed, until release: what cuts the step is the
// cause of the context's end.
func (h *Hands) Hold(c *Claim) (step context.Context, release func()) { return h.hold(h.ctx, c.l) }

// Beat renews all leases once.
func (h *Hands) Beat() { h.beat(h.ctx, h.holds()) }

// Age makes as if no lease had been renewed for d.
func (h *Hands) Age(d time.Duration) {
	for _, each := range h.holds() {
		each.renewed = time.Now().Add(-d)
	}
}

// Lost and Gone say why a step was cut.
func Lost(step context.Context) bool { return errors.Is(context.Cause(step), errLost) }

// Gone says that the step's run was deleted.
func Gone(step context.Context) bool { return errors.Is(context.Cause(step), errGone) }

// Finish ends the run.
func (h *Hands) Finish(c *Claim, ok bool) error {
	if ok {
		return h.finish(h.ctx, c.l, succeeded, "")
	}
	return h.finish(h.ctx, c.l, failed, "by the test")
}

// Told writes the model's answer to a call of the claimed run, which no budget has
// reserved anything for.
func (h *Hands) Told(c *Claim, response llm.Response) error {
	account, err := usage.AccountOf(h.ctx, h.db.Ent, c.l.run)
	if err != nil {
		return err
	}
	_, err = h.complete(h.ctx, c.l, &attempt{number: 1, account: account, began: time.Now()}, response)
	return err
}

// Obey does what the run's flags say, as a worker whose step was cut short by them.
func (h *Hands) Obey(c *Claim, cancel bool) error {
	if cancel {
		return h.finish(h.ctx, c.l, cancelled, "")
	}
	return h.stopForNow(h.ctx, c.l)
}

// Ask makes the run wait for a person's answer.
func (h *Hands) Ask(c *Claim) error { return h.leave(c, asksInput) }

// AskLeave makes the run wait for a person's approval.
func (h *Hands) AskLeave(c *Claim) error { return h.leave(c, asksLeave) }

// AskCrew makes the run wait for other agents.
func (h *Hands) AskCrew(c *Claim) error { return h.leave(c, asksCrew) }

func (h *Hands) leave(c *Claim, why happening) error {
	return h.db.InTx(h.ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := h.fence(ctx, tx, c.l); err != nil {
			return err
		}
		_, err := h.move(ctx, tx, c.l.run, why)
		return err
	})
}

// Wait leaves a call open and has the run wait.
func (h *Hands) Wait(c *Claim, call *ent.ToolCall, state enum.RunState) error {
	return h.db.InTx(h.ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := h.fence(ctx, tx, c.l); err != nil {
			return err
		}
		return h.wait(ctx, tx, c.l, call, state, "")
	})
}

// AskPeople has the run itself ask.
func (h *Hands) AskPeople(c *Claim, q tools.Question) error {
	return h.db.InTx(h.ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := h.fence(ctx, tx, c.l); err != nil {
			return err
		}
		return h.askPeople(ctx, tx, c.l, q)
	})
}

// Reply lets a run that waits for a person go on.
func (h *Hands) Reply(r *ent.Run) error {
	return h.db.InTx(h.ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := h.move(ctx, tx, r, answered)
		return err
	})
}

// Sweep looks once for what ran out, and once for what is forgotten.
func (h *Hands) Sweep() error { return errors.Join(h.sweep(h.ctx), h.check(h.ctx)) }

// PassOn gives runs that wait for other agents what there is for them.
func (h *Hands) PassOn() error { return errors.Join(h.passAnswers(h.ctx), h.passMail(h.ctx)) }

// ForgetKeys removes old idempotency keys.
func (h *Hands) ForgetKeys() error { return h.forgetKeys(h.ctx) }

// Transitions is the table.
func Transitions() map[string]map[enum.RunState]enum.RunState {
	out := map[string]map[enum.RunState]enum.RunState{}
	for what, t := range transitions {
		out[string(what)] = t
	}
	return out
}
