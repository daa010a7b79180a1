package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/message"
	"github.com/zeblit/zeblit/internal/agent"
	"github.com/zeblit/zeblit/internal/faults"
	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/route"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
)

// callModel calls models, the chosen one first, until an answer is whole, and writes it
// down with the tool calls that it plans; an answer that plans none has ended the run.
// Text of a try that failed stays, as an interrupted message that is no part of the
// transcript.
func (e *Engine) callModel(ctx context.Context, l *lease) (ended bool, err error) {
	p, err := e.prompt(ctx, l)
	if err != nil {
		return false, err
	}
	for n := 0; ; {
		models, err := e.models.For(ctx, l.run.ProjectID)
		if err != nil {
			return false, err
		}
		plan, err := models.Plan(ctx, p.wish)
		if refused := problem.As(err); refused != nil {
			return false, &stopped{refused.Message}
		}
		if err != nil {
			return false, err
		}
		wait, ended, err := e.follow(ctx, l, p, models, plan, &n)
		if e, ok := errors.AsType[*llm.Error](err); ok && e.Kind == llm.KindTooLarge && p.most == 0 {
			p.most = estimate(p.Request) / 2 // no model has the room: tell it in short
			p.wish.InputTokens = p.most
			continue
		}
		if wait.Action != route.Wait {
			return ended, err
		}
		if err := e.waitUntil(ctx, l, wait); err != nil {
			return false, err
		}
	}
}

// follow makes the plan's calls; n counts those of the step. It returns the verdict where
// that is to wait and plan anew.
func (e *Engine) follow(ctx context.Context, l *lease, p prompt, models *route.Router, plan *route.Plan, n *int) (wait route.Verdict, ended bool, err error) {
	whole := false // the answer that a lower limit allowed was not enough
	for v := plan.Begin(); ; {
		switch v.Action {
		case route.Wait:
			return v, false, nil
		case route.GiveUp:
			return route.Verdict{}, false, fmt.Errorf("call the model: %s: %w", v.Reason, v.Err)
		}
		if err := sleep(ctx, v.Pause); err != nil {
			return route.Verdict{}, false, err
		}
		*n++
		try, err := e.begin(ctx, l, p, v.Candidate, *n, whole)
		if err != nil {
			return route.Verdict{}, false, err
		}
		response, err := e.ask(ctx, l, try)
		models.Report(v.Candidate, err, time.Since(try.began))
		if err == nil && !try.cut(response) {
			faults.Point(faults.ModelAnswered)
			ended, err = e.complete(ctx, l, try, response)
			return route.Verdict{}, ended, err
		}
		if void(ctx) {
			return route.Verdict{}, false, context.Cause(ctx)
		}
		if interrupted := e.interrupt(context.WithoutCancel(ctx), l, try, try.failure(l, response, err)); interrupted != nil {
			// Not what the model said is in the way, but that it can't be written.
			return route.Verdict{}, false, fmt.Errorf("interrupt the message of a failed call: %w", interrupted)
		}
		if err == nil { // the same model again, with all the room that it wants
			whole, v.Pause = true, 0
			continue
		}
		if ctx.Err() != nil {
			return route.Verdict{}, false, ctx.Err()
		}
		v = plan.After(err)
		e.logger.WarnContext(ctx, "a model call failed", "run", l.run.ID, "model", try.String(), "attempt", *n, "then", v.Action, "pause", v.Pause, "error", err)
	}
}

// wish is what the step's call is for.
func (e *Engine) wish(ctx context.Context, l *lease, role agent.Role, p prompt) (w route.Wish, err error) {
	asked, err := e.db.Ent.Message.Query().Where(message.ID(l.run.MessageID)).Only(ctx)
	if err != nil && !ent.IsNotFound(err) {
		return w, err
	}
	bounded, err := e.ledger.Bounded(ctx, e.db.Ent, p.account)
	if err != nil {
		return w, err
	}
	w = route.Wish{
		Model: l.run.Model, Quick: l.run.Tier == string(route.Quick), Complex: l.run.Tier == string(route.Complex),
		Tier: cmp.Or(e.agents[role.Slug].Tier, route.Tier(role.Tier)), Models: e.agents[role.Slug].Models, InputTokens: estimate(p.Request), Money: bounded,
	}
	if asked != nil {
		w.Text = asked.Text
	}
	return w, nil
}

// waitUntil waits for a quota, where everybody can see it.
func (e *Engine) waitUntil(ctx context.Context, l *lease, v route.Verdict) error {
	if limit := e.queue.deadlines.Step; time.Until(v.Until) > limit {
		return &stopped{fmt.Sprintf("%s until %s, which is longer than one step may take (%s)", v.Reason, v.Until.UTC().Format(time.RFC3339), limit)}
	}
	if err := e.tellWait(ctx, l, &v.Until, v.Reason); err != nil {
		return err
	}
	e.logger.InfoContext(ctx, "the run waits for a quota", "run", l.run.ID, "until", v.Until, "why", v.Reason)
	err := sleep(ctx, time.Until(v.Until))
	if void(ctx) {
		return err
	}
	told := e.tellWait(context.WithoutCancel(ctx), l, nil, "")
	if err != nil {
		return err
	}
	return told
}

func (e *Engine) tellWait(ctx context.Context, l *lease, until *time.Time, why string) error {
	return e.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := e.fence(ctx, tx, l); err != nil {
			return err
		}
		update := tx.Ent.Run.UpdateOneID(l.run.ID).SetWaitsFor(why)
		if until != nil {
			update.SetWaitsUntil(until.UTC().Truncate(time.Microsecond))
		} else {
			update.ClearWaitsUntil()
		}
		r, err := update.Save(ctx)
		if err != nil {
			return err
		}
		e.log.Append(tx, l.handle, stateChanged(r, byAgent(r)))
		return nil
	})
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
