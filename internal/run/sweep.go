package run

import (
	"context"
	"errors"
	"time"

	"entgo.io/ent/dialect"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/predicate"
	"github.com/zeblit/zeblit/ent/run"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/idempotency"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
)

const (
	sweepEvery = time.Second
	checkEvery = 10 * time.Second
	sweepBatch = 100
	// stepGrace is how long a worker may take to end a step whose time is over.
	stepGrace = 5 * time.Second
)

// sweepUntil looks each second for runs whose lease or deadline ran out and for
// such as nobody was told of. Every worker does; the transaction decides.
func (e *Engine) sweepUntil(ctx context.Context) {
	ctx = access.As(ctx, access.Engine)
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	var checked time.Time
	for {
		e.queue.hint()
		err := errors.Join(e.sweep(ctx), e.expire(ctx))
		if time.Since(checked) >= checkEvery {
			checked = time.Now()
			err = errors.Join(err, e.check(ctx), e.forgetKeys(ctx))
		}
		if err != nil && ctx.Err() == nil {
			e.logger.ErrorContext(ctx, "sweep failed; trying again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// sweep frees the runs of workers that died or hang, and ends those whose time is
// over. One that can't be done keeps no other waiting.
func (e *Engine) sweep(ctx context.Context) error {
	found, err := e.db.Ent.Run.Query().
		Where(unended(), run.Or(e.abandoned(), e.past(run.FieldDeadlineAt, 0))).
		Limit(sweepBatch).All(ctx)
	if err != nil {
		return err
	}
	var failures []error
	for _, r := range found {
		if err := e.rescue(ctx, r); err != nil && !errors.Is(err, ErrMoved) {
			failures = append(failures, err)
		}
	}
	return errors.Join(failures...)
}

// abandoned holds for runs whose worker is silent, or overdue with a step.
func (e *Engine) abandoned() predicate.Run {
	return run.And(run.StateEQ(enum.RunRunning), run.LeaseOwnerNEQ(""),
		run.Or(e.past(run.FieldLeaseUntil, 0), e.past(run.FieldStepUntil, stepGrace)))
}

// rescue ends a run whose deadline has passed, or takes it from its worker and asks
// for its next step.
func (e *Engine) rescue(ctx context.Context, r *ent.Run) error {
	return e.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := impatient(ctx, tx); err != nil {
			return err
		}
		handle, err := access.StreamWriter(ctx, tx.Ent, r.ProjectID)
		if err != nil {
			return err
		}
		l := &lease{run: r, handle: handle}
		logger := e.logger.With("run", r.ID, "project", r.ProjectID, "epoch", r.Epoch)
		overTime, err := tx.Ent.Run.Query().Where(run.ID(r.ID), e.past(run.FieldDeadlineAt, 0)).Exist(ctx)
		if err != nil {
			return err
		}
		if overTime {
			why := overdueBecause(r.State, e.queue.deadlines.of(r.State))
			tx.AfterCommit(func() {
				e.counts.overdue.Add(1)
				logger.WarnContext(ctx, "the run's deadline has passed", "why", why)
				e.interruptHeld(r.ID, errLost)
			})
			_, err := e.end(ctx, tx, l, overdue, why, stream.Actor{})
			return err
		}
		taken := func(u *ent.RunUpdate) { u.Where(e.abandoned()).AddTakeovers(1) }
		if l.run, err = e.move(ctx, tx, r, lost, taken); err != nil {
			return err
		}
		tx.AfterCommit(func() {
			e.counts.takeovers.Add(1)
			logger.WarnContext(ctx, "a worker is silent; its run is taken over", "from", r.LeaseOwner, "takeovers", l.run.Takeovers)
			e.interruptHeld(r.ID, errLost)
		})
		if l.run.Takeovers < maxTakeovers {
			return e.queue.Enqueue(ctx, tx, r.ID)
		}
		_, err = e.end(ctx, tx, l, failed, "its workers died ten times in a row without finishing a step", byAgent(r))
		return err
	})
}

// impatient makes the transaction fail rather than wait for a row that a process holds
// which was stopped in the middle of its own: one run then waits, not all of them.
// SQLite has one process.
func impatient(ctx context.Context, tx *store.Tx) error {
	if tx.Dialect != dialect.Postgres {
		return nil
	}
	_, err := tx.SQL.ExecContext(ctx, "SET LOCAL lock_timeout = '1s'")
	return err
}

// check proves that each run that hasn't ended is looked after: by a lease or a
// grace for its job where it is to be worked on, by a deadline in any case; and that
// none is held where nobody works. What is not so is put right.
func (e *Engine) check(ctx context.Context) error {
	found, err := e.db.Ent.Run.Query().Where(unended(), forgotten()).Limit(sweepBatch).All(ctx)
	if err != nil {
		return err
	}
	for _, r := range found {
		if err := e.repair(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// forgotten holds for runs that no claim, sweep or deadline would ever find, and for
// such as count as held by nobody.
func forgotten() predicate.Run {
	return run.Or(
		run.DeadlineAtLTE(0),
		run.And(run.StateIn(enum.RunQueued, enum.RunRunning), run.LeaseUntilLTE(0)),
		run.And(run.StateNEQ(enum.RunRunning), run.LeaseOwnerNEQ("")),
		run.And(run.LeaseOwner(""), run.StepUntilGT(0)),
	)
}

func (e *Engine) repair(ctx context.Context, r *ent.Run) error {
	return e.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := impatient(ctx, tx); err != nil {
			return err
		}
		update := tx.Ent.Run.Update().Where(run.ID(r.ID), run.StateEQ(r.State), run.Epoch(r.Epoch), forgotten())
		if r.DeadlineAt <= 0 {
			update.Modify(after(tx, run.FieldDeadlineAt, e.queue.deadlines.of(r.State)))
		}
		if transitions[claimed][r.State] != "" {
			update.Modify(e.extend)
		}
		if r.State != enum.RunRunning || r.LeaseOwner == "" {
			update.SetLeaseOwner("").SetStepUntil(0)
		}
		n, err := update.Save(ctx)
		if err != nil || n == 0 {
			return err
		}
		tx.AfterCommit(func() {
			e.counts.repairs.Add(1)
			e.logger.ErrorContext(ctx, "a run had no job, lease or timer; it has one again",
				"run", r.ID, "project", r.ProjectID, "epoch", r.Epoch, "state", r.State)
		})
		if transitions[claimed][r.State] == "" {
			return nil // it waits for a person
		}
		return e.queue.Enqueue(ctx, tx, r.ID)
	})
}

// expire denies what people were asked and have not answered in time.
func (e *Engine) expire(ctx context.Context) error {
	if e.permissions == nil {
		return nil
	}
	return e.permissions.Expire(ctx, e)
}

// forgetKeys removes what clients' idempotency keys did more than a day ago.
func (e *Engine) forgetKeys(ctx context.Context) error {
	return idempotency.Forget(access.As(ctx, access.Maintenance), e.db)
}
