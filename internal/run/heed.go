package run

import (
	"context"
	"fmt"
	"time"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/message"
	"github.com/zeblit/zeblit/ent/run"
	"github.com/zeblit/zeblit/internal/agent/tools"
	"github.com/zeblit/zeblit/internal/store"
)

// circle says in what circle a run goes on whose agent was told; "" in none. It is asked
// before the transaction that ends the step: it reads all that the run has said and done,
// which nobody else changes.
func (e *Engine) circle(ctx context.Context, l *lease) (string, error) {
	if l.run.Step == 0 {
		return "", nil // nobody can have been told and gone on within one step
	}
	messages, err := e.db.Ent.Message.Query().
		Where(message.RunID(l.run.ID), message.StatusEQ(enum.MessageComplete), message.Retracted(false)).
		Order(ent.Asc(message.FieldPosition)).All(ctx)
	if err != nil {
		return "", err
	}
	calls, err := callsByMessage(ctx, e.db.Ent, messages)
	if err != nil {
		return "", err
	}
	v, err := guard(ctx, e.db.Ent, l.run, messages, calls)
	return v.circle, err
}

// heed has a run that goes on in a circle ask people what to do, and wait, in the
// transaction that ends the step; one that is to be cancelled ends.
func (e *Engine) heed(ctx context.Context, tx *store.Tx, l *lease, circle string) error {
	r, err := tx.Ent.Run.Get(ctx, l.run.ID)
	if err != nil {
		return err
	}
	if r.CancelRequested {
		return e.endBy(ctx, tx, l, cancelled, "")
	}
	e.logger.InfoContext(ctx, "the run asks what to do because it goes in circles", "run", l.run.ID, "why", circle)
	return e.askPeople(ctx, tx, l, wayOut(circle), func(u *ent.RunUpdate) { u.AddStep(1).SetTakeovers(0) })
}

// wayOut is what people are asked of a run that goes in circles. It ends where nobody
// answers: what goes on by itself costs money.
func wayOut(circle string) tools.Question {
	const goOn, stop = "Go on", "Stop the run"
	return tools.Question{
		Text:    "I go in circles, also after I was told: " + circle + ". What should I do? You can also tell me in your own words.",
		Choices: []string{goOn, stop}, AllowOther: true, Default: stop, Stop: stop, Within: 24 * time.Hour,
	}
}

// guard is the loop guard's verdict on what the run did so far.
func guard(ctx context.Context, c *ent.Client, r *ent.Run, messages []*ent.Message, calls map[string][]*ent.ToolCall) (judgement, error) {
	children, err := c.Run.Query().Where(run.ParentID(r.ID)).WithAgent().Order(ent.Asc(run.FieldID)).All(ctx)
	if err != nil {
		return judgement{}, fmt.Errorf("look for the runs below run %s: %w", r.ID, err)
	}
	ids := make([]string, len(children))
	for i, child := range children {
		ids[i] = child.MessageID
	}
	briefs := map[string]string{}
	if len(ids) > 0 {
		asked, err := c.Message.Query().Where(message.IDIn(ids...)).All(ctx)
		if err != nil {
			return judgement{}, fmt.Errorf("read what was asked of the runs below run %s: %w", r.ID, err)
		}
		for _, m := range asked {
			briefs[m.ID] = m.Text
		}
	}
	var all []given
	for _, child := range children {
		all = append(all, given{at: child.CreatedAt, kind: orders, to: child.Edges.Agent.Name, what: briefs[child.MessageID]})
	}
	letters, err := exchanged(ctx, c, r, messages, ids)
	if err != nil {
		return judgement{}, err
	}
	all = append(all, letters...)
	from := 0
	for _, m := range messages {
		if m.SeenStep != nil && m.SenderRunID == "" {
			from = max(from, *m.SeenStep)
		}
	}
	return judge(did(messages, calls, all), from), nil
}
