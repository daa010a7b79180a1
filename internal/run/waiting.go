package run

import (
	"context"
	"errors"
	"fmt"

	"entgo.io/ent/dialect/sql"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/predicate"
	"github.com/zeblit/zeblit/ent/run"
	"github.com/zeblit/zeblit/ent/toolcall"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
)

// errParked says that a call has made its run wait: the step is over for its worker.
var errParked = errors.New("the run waits")

// asks is what happens to a run that is to wait in a state.
var asks = map[enum.RunState]happening{
	enum.RunWaitingForApproval: asksLeave,
	enum.RunWaitingForInput:    asksInput,
	enum.RunWaitingForAgents:   asksCrew,
}

// wait leaves the call open and has the run wait, in a transaction behind the fence, or
// ends it where people have cancelled it. Answer or Release let it go on.
func (e *Engine) wait(ctx context.Context, tx *store.Tx, l *lease, call *ent.ToolCall, state enum.RunState, known string) error {
	err := tx.Ent.ToolCall.UpdateOneID(call.ID).SetState(enum.ToolCallWaiting).SetOutput(clip(known, maxOutput)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("leave call %s open: %w", call.ID, err)
	}
	if gone, err := cancelAsked(ctx, tx, l); err != nil {
		return err
	} else if gone {
		return e.endBy(ctx, tx, l, cancelled, "")
	}
	r, err := e.move(ctx, tx, l.run, asks[state])
	if err != nil {
		return err
	}
	e.log.Append(tx, l.handle, stateChanged(r, byAgent(r)))
	return nil
}

// cancelAsked says whether people have cancelled a run whose worker has not heard of it.
// Behind the fence nobody can any more. A run that is left without a worker is asked for
// this first: nobody would look at the flag.
func cancelAsked(ctx context.Context, tx *store.Tx, l *lease) (bool, error) {
	return tx.Ent.Run.Query().Where(run.ID(l.run.ID), run.CancelRequested(true)).Exist(ctx)
}

// Answer closes a call that waits, with what its model is told, and lets its run go on.
// false: the call doesn't wait any more. The caller has checked who may.
func (c *Control) Answer(ctx context.Context, tx *store.Tx, callID string, state enum.ToolCallState, text string, by stream.Actor) (bool, error) {
	return c.goOn(ctx, tx, callID, by, func(ctx context.Context, l *lease) error {
		return c.closeCall(ctx, tx, l, callID, state, text)
	})
}

// Release has a call that waits be made, once its run has a worker again. false: the call
// doesn't wait any more. The caller has checked who may.
func (c *Control) Release(ctx context.Context, tx *store.Tx, callID string, by stream.Actor) (bool, error) {
	return c.goOn(ctx, tx, callID, by, func(ctx context.Context, _ *lease) error {
		return tx.Ent.ToolCall.UpdateOneID(callID).SetState(enum.ToolCallPlanned).SetOutput("").Exec(ctx)
	})
}

// goOn does act to a call that waits and gives its run back to the workers. The run's row
// comes first, as with all its writers.
func (c *Control) goOn(ctx context.Context, tx *store.Tx, callID string, by stream.Actor, act func(context.Context, *lease) error) (bool, error) {
	ctx = access.As(ctx, access.Engine)
	r, err := tx.Ent.Run.Query().Where(
		run.StateIn(enum.RunWaitingForApproval, enum.RunWaitingForInput, enum.RunWaitingForAgents),
		whoseCallWaits(callID),
	).Only(ctx)
	if ent.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	was := r
	if r, err = c.move(ctx, tx, r, answered); err != nil {
		return false, err
	}
	waits, err := tx.Ent.ToolCall.Query().Where(toolcall.ID(callID), toolcall.StateEQ(enum.ToolCallWaiting)).Exist(ctx)
	if err != nil {
		return false, err
	}
	if !waits {
		return false, ErrMoved // another was first: look again
	}
	handle, err := access.StreamWriter(ctx, tx.Ent, was.ProjectID)
	if err != nil {
		return false, err
	}
	if err := act(ctx, &lease{run: r, handle: handle}); err != nil {
		return false, err
	}
	c.log.Append(tx, handle, stateChanged(r, by))
	return true, c.queue.Enqueue(ctx, tx, r.ID)
}

// whoseCallWaits holds for the run of a call that waits.
func whoseCallWaits(callID string) predicate.Run {
	return func(s *sql.Selector) {
		calls := sql.Table(toolcall.Table)
		s.Where(sql.In(s.C(run.FieldID), sql.Select(calls.C(toolcall.FieldRunID)).From(calls).Where(sql.And(
			sql.EQ(calls.C(toolcall.FieldID), callID), sql.EQ(calls.C(toolcall.FieldState), enum.ToolCallWaiting),
		))))
	}
}

// interruptWait lets a run that waits for other agents go on, since somebody has said
// something to it: who begins the sentence that tells it so.
func (c *Control) interruptWait(ctx context.Context, tx *store.Tx, runID, who string) error {
	id, err := tx.Ent.ToolCall.Query().Where(toolcall.RunID(runID), toolcall.StateEQ(enum.ToolCallWaiting)).FirstID(ctx)
	if ent.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	r, err := tx.Ent.Run.Get(ctx, runID)
	if err != nil || r.State != enum.RunWaitingForAgents {
		return err
	}
	state, text := enum.ToolCallDone, who+" while you waited. The others go on meanwhile; wait for them again when you have answered."
	withdrawn, err := c.withdraw(ctx, tx, r, id)
	if err != nil {
		return err
	}
	if withdrawn {
		state, text = enum.ToolCallFailed, who+" while you waited for the answer, so your question is withdrawn. Ask again if you still need to know."
	}
	_, err = c.Answer(ctx, tx, id, state, text, byAgent(r))
	return err
}

// withdraw cancels the run that was to answer a call. false: the call asked none.
func (c *Control) withdraw(ctx context.Context, tx *store.Tx, r *ent.Run, callID string) (bool, error) {
	asked, err := tx.Ent.Run.Query().Where(run.ParentID(r.ID), run.CallID(callID)).Only(ctx)
	if ent.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	_, err = c.cancel(ctx, tx, asked, byAgent(r))
	return true, err
}
