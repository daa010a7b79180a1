package run

import (
	"context"
	"time"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/run"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/store"
)

const (
	sweepEvery = time.Second
	sweepBatch = 100
)

// sweepUntil looks each second for runs whose lease ran out: their worker died,
// or their job was lost. Every worker does; the transaction decides.
func (e *Engine) sweepUntil(ctx context.Context) {
	ctx = access.As(ctx, access.Engine)
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := e.sweep(ctx); err != nil && ctx.Err() == nil {
			e.logger.ErrorContext(ctx, "sweep failed; trying again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (e *Engine) sweep(ctx context.Context) error {
	found, err := e.db.Ent.Run.Query().
		Where(run.StateIn(enum.RunQueued, enum.RunRunning), e.expired(), itsTurn()).
		Order(ent.Asc(run.FieldLeaseUntil)).Limit(sweepBatch).All(ctx)
	if err != nil {
		return err
	}
	for _, r := range found {
		if err := e.rescue(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// rescue frees a run whose lease ran out and asks for its next step.
func (e *Engine) rescue(ctx context.Context, r *ent.Run) error {
	return e.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		update := tx.Ent.Run.Update().
			Where(run.ID(r.ID), run.Epoch(r.Epoch), run.StateIn(enum.RunQueued, enum.RunRunning), e.expired()).
			SetLeaseOwner("").Modify(e.extend)
		if r.LeaseOwner != "" {
			// The epoch moves on at once, so that the late worker's writes are refused.
			update.AddTakeovers(1).AddEpoch(1)
		}
		n, err := update.Save(ctx)
		if err != nil || n == 0 {
			return err
		}
		if r.LeaseOwner == "" || r.Takeovers+1 < maxTakeovers {
			return e.queue.Enqueue(ctx, tx, r.ID)
		}
		handle, err := access.StreamWriter(ctx, tx.Ent, r.ProjectID)
		if err != nil {
			return err
		}
		return e.end(ctx, tx, r.ID, handle, enum.RunFailed, "its workers died ten times in a row without finishing a step")
	})
}
