package run

import (
	"context"
	"errors"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/conversation"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/message"
	"github.com/zeblit/zeblit/ent/run"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/idempotency"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
)

// Cancel ends the viewer's run: at once when no worker holds it, else within a
// fifth of a second. One that has ended stays as it is. It needs the role EDITOR
// and returns the run as it is now, as Pause and Resume do.
func (e *Engine) Cancel(ctx context.Context, runID string) (*ent.Run, error) {
	return e.command(ctx, runID, e.cancel)
}

// Pause pauses the viewer's run and those that work for it: at once when no worker holds
// one, else within a fifth of a second, and one that waits when it would go on. A paused
// run keeps its turn. CONFLICT when it has ended.
func (e *Engine) Pause(ctx context.Context, runID string) (*ent.Run, error) {
	return e.command(ctx, runID, e.pause)
}

// Resume lets the viewer's paused run, and those that work for it, go on from their last
// finished steps. CONFLICT when it has ended.
func (e *Engine) Resume(ctx context.Context, runID string) (*ent.Run, error) {
	return e.command(ctx, runID, e.resume)
}

// CancelIn ends a run as a part of tx, as Cancel does; the caller has checked who may.
func (c *Control) CancelIn(ctx context.Context, tx *store.Tx, runID string, by stream.Actor) error {
	ctx = access.As(ctx, access.Engine)
	_, err := inRace(func() (*ent.Run, error) {
		r, err := tx.Ent.Run.Get(ctx, runID)
		if err != nil {
			return nil, err
		}
		return c.cancel(ctx, tx, r, by)
	})
	return err
}

type command func(ctx context.Context, tx *store.Tx, r *ent.Run, by stream.Actor) (*ent.Run, error)

func (e *Engine) command(ctx context.Context, runID string, act command) (*ent.Run, error) {
	return inRace(func() (r *ent.Run, err error) {
		err = e.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
			if r, err = editable(ctx, tx, runID); err != nil {
				return err
			}
			by := stream.Actor{UserID: access.ViewerFrom(ctx).UserID}
			r, err = act(access.As(ctx, access.Engine), tx, r, by)
			return err
		})
		return r, err
	})
}

// inRace does act again while somebody else changes the run in between.
func inRace(act func() (*ent.Run, error)) (r *ent.Run, err error) {
	for range maxRaces {
		r, err = act()
		if !errors.Is(err, ErrMoved) && !ent.IsConstraintError(err) {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// editable finds a run that the viewer may change.
func editable(ctx context.Context, tx *store.Tx, runID string) (*ent.Run, error) {
	if _, err := access.RequireViewer(ctx); err != nil {
		return nil, err
	}
	r, err := tx.Ent.Run.Get(ctx, runID)
	if ent.IsNotFound(err) {
		return nil, problem.Missing("runId", "run")
	}
	if err != nil {
		return nil, err
	}
	return r, access.RequireRole(ctx, tx.Ent, r.ProjectID, enum.ProjectEditor)
}

// RetryInput is a run to try again.
type RetryInput struct {
	RunID string
	// IdempotencyKey makes the same input do nothing again; "" is none.
	IdempotencyKey string
}

// Retry answers the message of a run that FAILED or was CANCELLED in a new run, with
// the viewer's rights. It goes on from what the earlier run had finished. A run is
// retried once: asked again it returns the same new run. Any other is a CONFLICT, as is one
// that works on a task, which is begun again itself, or that another agent has asked.
func (e *Engine) Retry(ctx context.Context, in RetryInput) (*ent.Run, error) {
	r, err := inRace(func() (r *ent.Run, err error) {
		err = e.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
			id, _, err := idempotency.Do(ctx, tx, "retryRun", in.IdempotencyKey, in, func() (string, error) {
				return e.retry(ctx, tx, in.RunID)
			})
			if err == nil {
				r, err = tx.Ent.Run.Get(ctx, id)
			}
			return err
		})
		return r, err
	})
	if ent.IsNotFound(err) {
		return nil, problem.Missing("runId", "run")
	}
	return r, err
}

func (e *Engine) retry(ctx context.Context, tx *store.Tx, runID string) (newID string, err error) {
	r, err := editable(ctx, tx, runID)
	if err != nil {
		return "", err
	}
	if r.State != enum.RunFailed && r.State != enum.RunCancelled {
		return "", problem.New(problem.Conflict, "the run is %s: only one that FAILED or was CANCELLED can be retried", r.State)
	}
	switch {
	case r.TaskID != "":
		return "", problem.New(problem.Conflict, "the run works on task %s: begin that again with startTask, or make a new one where its plan is over", r.TaskID)
	case r.ParentID != nil:
		return "", problem.New(problem.Conflict, "another agent gave it its work and was told that it ended: ask that agent again (its run is %s)", *r.ParentID)
	}
	there, err := tx.Ent.Conversation.Query().Where(conversation.ID(r.ConversationID)).Exist(ctx)
	if err != nil {
		return "", err
	}
	if !there {
		return "", problem.New(problem.Conflict, "the run's conversation was deleted: begin another")
	}
	retracted, err := tx.Ent.Message.Query().Where(message.ID(r.MessageID), message.Retracted(true)).Exist(ctx)
	if err != nil {
		return "", err
	}
	if retracted {
		return "", problem.New(problem.Conflict, "the conversation went back to before the run's message: send it again")
	}
	before, err := tx.Ent.Run.Query().Where(run.RetriedFromID(r.ID)).FirstID(ctx)
	if !ent.IsNotFound(err) {
		return before, err
	}
	handle, err := access.StreamWriter(ctx, tx.Ent, r.ProjectID)
	if err != nil {
		return "", err
	}
	viewer := access.ViewerFrom(ctx)
	again, err := e.Start(ctx, tx, Order{
		ProjectID: r.ProjectID, ConversationID: r.ConversationID, AgentID: r.AgentID, MessageID: r.MessageID,
		UserID: viewer.UserID, Model: r.Model, Tier: r.Tier, Branch: r.Branch, RetriedFrom: &r.ID,
	})
	if err != nil {
		return "", err
	}
	e.log.Append(tx, handle, stateChanged(again, stream.Actor{UserID: viewer.UserID}))
	return again.ID, nil
}
