package run

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"entgo.io/ent/dialect/sql"

	"github.com/zeblit/zeblit/ent"
	entagent "github.com/zeblit/zeblit/ent/agent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/message"
	"github.com/zeblit/zeblit/ent/predicate"
	"github.com/zeblit/zeblit/ent/run"
	"github.com/zeblit/zeblit/ent/toolcall"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/agent"
	"github.com/zeblit/zeblit/internal/agent/tools"
	"github.com/zeblit/zeblit/internal/faults"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/relay"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
)

// maxAskTitle is how long the title of a conversation between agents is, in characters.
const maxAskTitle = 80

// Ask has another agent answer a question of a call's run, which waits for it, as a part of
// tx: in a run below that one, with a conversation of its own, on the same branch. Whoever
// works there may do no more than who asked.
func (e *Engine) Ask(ctx context.Context, tx *store.Tx, env tools.Env, slug, question string) error {
	ctx = access.As(ctx, access.Engine)
	asker, err := tx.Ent.Run.Get(ctx, env.RunID)
	if err != nil {
		return fmt.Errorf("read the run that asks: %w", err)
	}
	role, err := agent.Find(slug)
	if err != nil {
		return err
	}
	worker, err := tx.Ent.Agent.Query().Where(entagent.Slug(role.Slug)).Only(ctx)
	if err != nil {
		return fmt.Errorf("find agent %s: %w", role.Slug, err)
	}
	if worker.ID == asker.AgentID {
		return problem.BadField("agent", "you are the %s yourself: ask another agent, or find it out", role.Name)
	}
	base, err := Base(ctx, tx.Ent, asker)
	if err != nil {
		return err
	}
	talk, err := tx.Ent.Conversation.Create().SetProjectID(asker.ProjectID).SetTitle(askTitle(role.Name, question)).
		SetKind(enum.ConversationQuestion).SetNextPosition(1).SetBranch(base).Save(ctx)
	if err != nil {
		return fmt.Errorf("begin a conversation with the %s: %w", role.Name, err)
	}
	r, err := e.Start(ctx, tx, Order{
		ProjectID: asker.ProjectID, ConversationID: talk.ID, AgentID: worker.ID, MessageID: relay.NewID("msg"),
		UserID: asker.UserID, Model: asker.Model, Branch: asker.Branch, Parent: asker, CallID: env.CallID,
	})
	if err != nil {
		return err
	}
	m, err := tx.Ent.Message.Create().SetID(r.MessageID).SetConversationID(talk.ID).SetProjectID(r.ProjectID).SetRunID(r.ID).
		SetAgentID(asker.AgentID).SetSenderRunID(asker.ID).SetSeenStep(0).
		SetRole(enum.RoleUser).SetStatus(enum.MessageComplete).SetText(question).SetPosition(0).SetCompletedAt(store.Now()).Save(ctx)
	if err != nil {
		return err
	}
	tx.BeforeCommit(func(context.Context) error { faults.Point(faults.AskAsking); return nil })
	return e.announce(ctx, tx, asker, r, m, stateChanged(r, byAgent(asker)))
}

// announce tells of what an agent says to another's run.
func (e *Engine) announce(ctx context.Context, tx *store.Tx, by, to *ent.Run, m *ent.Message, more ...stream.Draft) error {
	handle, err := access.StreamWriter(ctx, tx.Ent, to.ProjectID)
	if err != nil {
		return err
	}
	who := byAgent(by)
	e.log.Append(tx, handle, append([]stream.Draft{
		{Type: enum.EventMessageAdded, RunID: to.ID, Payload: stream.MessagePayload{V: 1, Message: m, Actor: &who}},
	}, more...)...)
	return nil
}

// askTitle is the beginning of a question on one line.
func askTitle(name, question string) string {
	line := name + ": " + strings.Join(strings.Fields(question), " ")
	if utf8.RuneCountInString(line) <= maxAskTitle {
		return line
	}
	return string([]rune(line)[:maxAskTitle-1]) + "…"
}

// passOn gives runs that wait for other agents what there is for them, until ctx ends: the
// answers to what they asked, and mail. Every worker does; the transaction decides.
func (e *Engine) passOn(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := errors.Join(e.passAnswers(ctx), e.passMail(ctx)); err != nil && ctx.Err() == nil {
			e.logger.ErrorContext(ctx, "what agents say to each other could not be passed on; trying again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-e.queue.bell:
		case <-tick.C:
		}
	}
}

// passAnswers closes the calls whose runs below have ended.
func (e *Engine) passAnswers(ctx context.Context) error {
	ended, err := e.db.Ent.Run.Query().
		Where(run.StateIn(enum.RunSucceeded, enum.RunFailed, enum.RunCancelled), belowOneThatWaits()).
		WithAgent().Limit(sweepBatch).All(ctx)
	if err != nil {
		return fmt.Errorf("look for answers of agents: %w", err)
	}
	var failures []error
	for _, r := range ended {
		faults.Point(faults.AskAnswered)
		err := e.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error { return e.passAnswer(ctx, tx, r) })
		if err != nil && !errors.Is(err, ErrMoved) {
			failures = append(failures, fmt.Errorf("pass on the answer of run %s: %w", r.ID, err))
		}
	}
	return errors.Join(failures...)
}

// passAnswer closes the call that has waited for a run, if it still does.
func (e *Engine) passAnswer(ctx context.Context, tx *store.Tx, r *ent.Run) error {
	state, text, err := answerOf(ctx, tx.Ent, r)
	if err != nil {
		return err
	}
	told := false
	tx.AfterCommit(func() { // before the hints that the answer leaves
		if told {
			faults.Point(faults.AskTold)
		}
	})
	if told, err = e.Answer(ctx, tx, r.CallID, state, text, byAgent(r)); told {
		tx.BeforeCommit(func(context.Context) error { faults.Point(faults.AskTelling); return nil })
	}
	return err
}

// belowOneThatWaits holds for runs whose answer a call waits for.
func belowOneThatWaits() predicate.Run {
	return func(s *sql.Selector) {
		above, calls := sql.Table(run.Table).As("above"), sql.Table(toolcall.Table)
		waiting := sql.Select(above.C(run.FieldID)).From(above)
		for _, state := range []enum.RunState{enum.RunSucceeded, enum.RunFailed, enum.RunCancelled} { // in the words of the index
			waiting.Where(sql.ExprP("above." + run.FieldState + " <> '" + string(state) + "'"))
		}
		s.Where(sql.And(
			sql.NEQ(s.C(run.FieldCallID), ""),
			sql.In(s.C(run.FieldParentID), waiting.Where(sql.EQ(above.C(run.FieldState), enum.RunWaitingForAgents))),
			sql.Exists(sql.Select(calls.C(toolcall.FieldID)).From(calls).Where(sql.And(
				sql.ColumnsEQ(calls.C(toolcall.FieldID), s.C(run.FieldCallID)), sql.EQ(calls.C(toolcall.FieldState), enum.ToolCallWaiting),
			))),
		))
	}
}

// answerOf is what the one who asked is told of a run that has ended.
func answerOf(ctx context.Context, c *ent.Client, r *ent.Run) (enum.ToolCallState, string, error) {
	name := r.Edges.Agent.Name
	switch r.State {
	case enum.RunCancelled:
		why := "somebody cancelled the run (" + r.ID + ")"
		if r.Error != "" {
			why = r.Error
		}
		return enum.ToolCallFailed, "the " + name + " was stopped before there was an answer: " + why, nil
	case enum.RunFailed:
		return enum.ToolCallFailed, "the " + name + " could not answer, its run (" + r.ID + ") failed: " + r.Error, nil
	}
	said, err := c.Message.Query().Where(message.RunID(r.ID), message.RoleEQ(enum.RoleAssistant), message.StatusEQ(enum.MessageComplete)).
		Order(ent.Desc(message.FieldPosition)).First(ctx)
	if err != nil && !ent.IsNotFound(err) {
		return "", "", err
	}
	if said == nil || strings.TrimSpace(said.Text) == "" {
		return enum.ToolCallFailed, "the " + name + " ended without saying anything", nil
	}
	return enum.ToolCallDone, said.Text, nil
}
