package run

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"entgo.io/ent/dialect/sql"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/predicate"
	"github.com/zeblit/zeblit/ent/run"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/faults"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
)

// leaseTerm is how long a worker may be silent before another takes its run. Tests give it
// more: they are not about machines that stand still.
var leaseTerm = 5 * time.Second

const (
	heartbeatEvery = 1500 * time.Millisecond
	maxTakeovers   = 10
)

// Why a step is cut short.
var (
	// errLost: another worker has the run now, or it has ended. What this one still
	// wanted to write is void.
	errLost = errors.New("the lease is lost")
	// errGone: the run's project was deleted.
	errGone      = errors.New("the run is gone")
	errCancelled = errors.New("the run is cancelled")
	errPaused    = errors.New("the run is to be paused")
	errStopping  = errors.New("the worker stops")
	errStepTime  = errors.New("the step took too long")
)

// lease is the right to advance one run, as long as epoch is the run's newest.
type lease struct {
	run    *ent.Run // as it was when it was claimed
	owner  string
	epoch  int64
	handle access.StreamHandle
	// refused says that a write of its step was refused, so that this is told once.
	refused atomic.Bool
}

// claim takes a run that nobody holds, whose turn it is in its conversation, if its
// project and its organisation may have one more. It returns nil when there is
// nothing to do; what was asked of the run while nobody held it is done instead.
func (e *Engine) claim(ctx context.Context, runID string) (*lease, error) {
	var l *lease
	err := e.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		r, err := tx.Ent.Run.Get(ctx, runID)
		if ent.IsNotFound(err) || err == nil && (transitions[claimed][r.State] == "" || r.LeaseOwner != "") {
			return nil
		}
		if err != nil {
			return err
		}
		if err := impatient(ctx, tx); err != nil {
			return err
		}
		if room, err := e.room(ctx, tx, r); err != nil || !room {
			return err
		}
		handle, err := access.StreamWriter(ctx, tx.Ent, r.ProjectID)
		if err != nil {
			return err
		}
		switch {
		case r.CancelRequested:
			_, err := e.end(ctx, tx, &lease{run: r, handle: handle}, cancelled, "", byAgent(r))
			return err
		case r.PauseRequested:
			_, err := e.pauseInTurn(ctx, tx, &lease{run: r, handle: handle})
			return err
		}
		was := r
		r, err = e.move(ctx, tx, r, claimed, func(u *ent.RunUpdate) {
			u.Where(itsTurn()).SetLeaseOwner(e.id).Modify(after(tx, run.FieldStepUntil, e.queue.deadlines.Step))
			if was.StartedAt == nil {
				u.SetStartedAt(store.Now())
			}
		})
		if err != nil {
			return err
		}
		l = &lease{run: r, owner: e.id, epoch: r.Epoch, handle: handle}
		if was.StartedAt == nil {
			if err := e.beginBranch(ctx, tx, r); err != nil {
				return err
			}
		}
		if was.State != enum.RunRunning {
			e.log.Append(tx, handle, stateChanged(r, byAgent(r)))
		}
		return nil
	})
	switch {
	case errors.Is(err, ErrMoved), ent.IsConstraintError(err): // another was first
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("claim run %s: %w", runID, err)
	case l != nil:
		e.counts.claims.Add(1)
		faults.Point(faults.RunClaimed)
	}
	return l, nil
}

// pauseInTurn pauses a run that was to be paused when its turn comes.
func (e *Engine) pauseInTurn(ctx context.Context, tx *store.Tx, l *lease) (*ent.Run, error) {
	turn, err := tx.Ent.Run.Query().Where(run.ID(l.run.ID), itsTurn()).Exist(ctx)
	if err != nil || !turn {
		return nil, err
	}
	return e.park(ctx, tx, l, byAgent(l.run))
}

// itsTurn holds for the run of a conversation that is under way, and where none is
// for the first of those that wait.
func itsTurn() predicate.Run {
	return func(s *sql.Selector) {
		other := sql.Table(run.Table).As("other")
		s.Where(sql.NotExists(sql.Select(other.C(run.FieldID)).From(other).Where(sql.And(
			sql.ColumnsEQ(other.C(run.FieldConversationID), s.C(run.FieldConversationID)),
			sql.ColumnsNEQ(other.C(run.FieldID), s.C(run.FieldID)),
			sql.NotIn(other.C(run.FieldState), enum.RunSucceeded, enum.RunFailed, enum.RunCancelled),
			sql.Or(
				sql.NEQ(other.C(run.FieldState), enum.RunQueued),
				sql.And(sql.EQ(s.C(run.FieldState), enum.RunQueued), sql.Or(
					sql.ColumnsGT(other.C(run.FieldPriority), s.C(run.FieldPriority)),
					sql.And(sql.ColumnsEQ(other.C(run.FieldPriority), s.C(run.FieldPriority)),
						sql.ColumnsLT(other.C(run.FieldID), s.C(run.FieldID))),
				)),
			),
		))))
	}
}

// past holds where a time of the database's clock is over for grace or longer.
func (e *Engine) past(field string, grace time.Duration) predicate.Run {
	return func(s *sql.Selector) {
		s.Where(sql.And(sql.GT(s.C(field), 0),
			sql.ExprP(fmt.Sprintf("%s < %s - %d", s.C(field), store.NowMillis(e.db.Dialect), grace.Milliseconds()))))
	}
}

// extend makes a lease end a whole term from now.
func (e *Engine) extend(u *sql.UpdateBuilder) {
	u.Set(run.FieldLeaseUntil, sql.Expr(fmt.Sprintf("%s + %d", store.NowMillis(e.db.Dialect), leaseTerm.Milliseconds())))
}

// fence is the first write of every transaction of a step: it refuses a worker
// whose lease is lost, and holds the run's row so that none can take over
// before the transaction ends.
func (e *Engine) fence(ctx context.Context, tx *store.Tx, l *lease) error {
	n, err := tx.Ent.Run.Update().
		Where(run.ID(l.run.ID), run.Epoch(l.epoch), run.LeaseOwner(l.owner), run.StateEQ(enum.RunRunning)).
		Modify(e.extend).Save(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("renew the lease of run %s: %w", l.run.ID, err)
	case n == 0:
		e.refuse(ctx, l)
		return errLost
	}
	begun := time.Now()
	tx.BeforeCommit(func(ctx context.Context) error {
		if time.Since(begun) < heartbeatEvery {
			return nil
		}
		// It waited for others meanwhile, and nobody could renew a lease whose row is held.
		return tx.Ent.Run.Update().Where(run.ID(l.run.ID), run.Epoch(l.epoch), run.LeaseOwner(l.owner), run.StateEQ(enum.RunRunning)).
			Modify(e.extend).Exec(ctx)
	})
	return nil
}

// owns fails where fence would, without a write.
func (e *Engine) owns(ctx context.Context, l *lease) error {
	there, err := e.db.Ent.Run.Query().
		Where(run.ID(l.run.ID), run.Epoch(l.epoch), run.LeaseOwner(l.owner), run.StateEQ(enum.RunRunning)).Exist(ctx)
	if err != nil {
		return fmt.Errorf("look at the lease of run %s: %w", l.run.ID, err)
	}
	if !there {
		e.refuse(ctx, l)
		return errLost
	}
	return nil
}

// refuse notes that a write of a step was refused because its lease is lost.
func (e *Engine) refuse(ctx context.Context, l *lease) {
	e.counts.staleWrites.Add(1)
	if !l.refused.Swap(true) {
		e.logger.WarnContext(ctx, "a late write was refused: its lease is lost", "run", l.run.ID, "project", l.run.ProjectID, "epoch", l.epoch)
	}
}

// void says whether a step was cut short because nothing of it counts any more.
func void(ctx context.Context) bool {
	cause := context.Cause(ctx)
	return errors.Is(cause, errLost) || errors.Is(cause, errGone)
}

func byAgent(r *ent.Run) stream.Actor { return stream.Actor{AgentID: r.AgentID} }

func stateChanged(r *ent.Run, by stream.Actor) stream.Draft {
	return stream.Draft{Type: enum.EventRunStateChanged, RunID: r.ID, Payload: stream.RunPayload{V: 1, Run: r, Actor: &by}}
}
