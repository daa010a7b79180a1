package run

import (
	"context"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/run"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
)

// Cancel ends the viewer's run: at once when it waits in the queue, else as soon
// as its worker sees it (at most one heartbeat). One that has ended stays as it
// is. It returns the run as it is now.
func (e *Engine) Cancel(ctx context.Context, runID string) (*ent.Run, error) {
	var r *ent.Run
	err := e.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		var err error
		if r, err = tx.Ent.Run.Get(ctx, runID); ent.IsNotFound(err) {
			return problem.Missing("runId", "run")
		} else if err != nil || r.State.Ended() {
			return err
		}
		if err := access.RequireRole(ctx, tx.Ent, r.ProjectID, enum.ProjectEditor); err != nil {
			return err
		}
		handle, err := access.StreamWriter(ctx, tx.Ent, r.ProjectID)
		if err != nil {
			return err
		}
		queued, err := tx.Ent.Run.Update().Where(run.ID(runID), run.StateEQ(enum.RunQueued)).
			SetState(enum.RunCancelled).SetLeaseUntil(0).
			SetFinishedAt(store.Now()).Save(ctx)
		if err != nil {
			return err
		}
		if queued == 0 {
			if err := tx.Ent.Run.UpdateOneID(runID).SetCancelRequested(true).Exec(ctx); err != nil {
				return err
			}
		}
		if r, err = tx.Ent.Run.Get(ctx, runID); err != nil {
			return err
		}
		if queued > 0 {
			e.log.Append(tx, handle, stateChanged(r, stream.Actor{UserID: access.ViewerFrom(ctx).UserID}))
			return e.enqueueNext(ctx, tx, r.ConversationID)
		}
		tx.AfterCommit(func() { e.interruptHeld(runID) })
		return nil
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// interruptHeld spares a run that this process holds the wait for its heartbeat.
func (e *Engine) interruptHeld(runID string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if end := e.held[runID]; end != nil {
		end(errCancelled)
	}
}
