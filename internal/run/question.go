package run

import (
	"context"
	"fmt"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/question"
	"github.com/zeblit/zeblit/ent/run"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/agent/tools"
	"github.com/zeblit/zeblit/internal/relay"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
)

// askPeople has the run itself, not a call of its, ask the people of the project and wait,
// in a transaction behind the fence; set adds to what is written of the run. What is
// answered reaches the model as a message before its next answer; q.Stop ends the run
// instead.
func (e *Engine) askPeople(ctx context.Context, tx *store.Tx, l *lease, q tools.Question, set ...func(*ent.RunUpdate)) error {
	if err := e.questions.Ask(ctx, tx, l.run.ID, "", q); err != nil {
		return fmt.Errorf("ask the people of the project: %w", err)
	}
	r, err := e.move(ctx, tx, l.run, asksInput, set...)
	if err != nil {
		return err
	}
	e.log.Append(tx, l.handle, stateChanged(r, byAgent(r)))
	return nil
}

// Said is what was said to a run, and by whom.
type Said struct {
	Text string
	By   stream.Actor
}

// GoOn gives a run that has asked by itself back to the workers, with what its model is
// told. false: it doesn't wait for that any more. The caller has checked who may.
func (c *Control) GoOn(ctx context.Context, tx *store.Tx, runID string, said Said) (bool, error) {
	ctx = access.As(ctx, access.Engine)
	r, err := tx.Ent.Run.Get(ctx, runID)
	if ent.IsNotFound(err) || err == nil && r.State != enum.RunWaitingForInput {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if r, err = c.move(ctx, tx, r, answered, func(u *ent.RunUpdate) { u.SetSteerRequested(true) }); err != nil {
		return false, err
	}
	handle, err := access.StreamWriter(ctx, tx.Ent, r.ProjectID)
	if err != nil {
		return false, err
	}
	if err := c.leave(ctx, tx, handle, r, &r.ID, said); err != nil {
		return false, err
	}
	c.log.Append(tx, handle, stateChanged(r, said.By))
	return true, c.queue.Enqueue(ctx, tx, r.ID)
}

// Tell leaves a run what it is to know: its model sees that before its next answer, without
// being woken for it. Of a run that has ended the next one of its conversation sees it. The
// caller has checked who may.
func (c *Control) Tell(ctx context.Context, tx *store.Tx, runID string, said Said) error {
	ctx = access.As(ctx, access.Engine)
	n, err := tx.Ent.Run.Update().Where(run.ID(runID), unended()).SetSteerRequested(true).Save(ctx)
	if err != nil {
		return fmt.Errorf("tell run %s: %w", runID, err)
	}
	r, err := tx.Ent.Run.Get(ctx, runID)
	if err != nil {
		return err
	}
	handle, err := access.StreamWriter(ctx, tx.Ent, r.ProjectID)
	if err != nil {
		return err
	}
	to := &r.ID
	if n == 0 {
		to = nil
	}
	return c.leave(ctx, tx, handle, r, to, said)
}

// leave stores and announces a message in a run's conversation, which goes to the run to;
// nil: to none.
func (c *Control) leave(ctx context.Context, tx *store.Tx, handle access.StreamHandle, r *ent.Run, to *string, said Said) error {
	talk, err := tx.Ent.Conversation.UpdateOneID(r.ConversationID).AddNextPosition(1).Save(ctx)
	if err != nil {
		return err
	}
	create := tx.Ent.Message.Create().SetID(relay.NewID("msg")).SetConversationID(r.ConversationID).SetProjectID(r.ProjectID).
		SetNillableRunID(to).SetRole(enum.RoleUser).SetStatus(enum.MessageComplete).SetText(said.Text).
		SetPosition(talk.NextPosition - 1).SetCompletedAt(store.Now())
	if said.By.UserID != "" {
		create.SetAuthorID(said.By.UserID)
	}
	m, err := create.Save(ctx)
	if err != nil {
		return err
	}
	told := stream.Draft{Type: enum.EventMessageAdded, Payload: stream.MessagePayload{V: 1, Message: m, Actor: &said.By}}
	if to != nil {
		told.RunID = *to
	}
	c.log.Append(tx, handle, told)
	return nil
}

// Stop ends a run within tx as a person's cancelling does. The caller has checked who may.
func (c *Control) Stop(ctx context.Context, tx *store.Tx, runID string, by stream.Actor) error {
	ctx = access.As(ctx, access.Engine)
	r, err := tx.Ent.Run.Get(ctx, runID)
	if err != nil {
		return err
	}
	_, err = c.cancel(ctx, tx, r, by)
	return err
}

// voidQuestions closes what a run that ends now has asked and nobody answered.
func (c *Control) voidQuestions(ctx context.Context, tx *store.Tx, l *lease) error {
	open, err := tx.Ent.Question.Query().Where(question.RunID(l.run.ID), question.StateEQ(enum.QuestionOpen)).All(ctx)
	if err != nil {
		return fmt.Errorf("look for open questions of run %s: %w", l.run.ID, err)
	}
	for _, q := range open {
		if q, err = tx.Ent.Question.UpdateOneID(q.ID).SetState(enum.QuestionCancelled).Save(ctx); err != nil {
			return err
		}
		by := byAgent(l.run)
		c.log.Append(tx, l.handle, stream.Draft{
			Type: enum.EventQuestionAnswered, RunID: q.RunID, Payload: stream.QuestionPayload{V: 1, Question: q, Actor: &by},
		})
	}
	return nil
}
