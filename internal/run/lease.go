package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"entgo.io/ent/dialect/sql"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/predicate"
	"github.com/zeblit/zeblit/ent/run"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
)

const (
	leaseMillis    = 5000
	heartbeatEvery = 1500 * time.Millisecond
	maxTakeovers   = 10
)

// errLost says that another worker has the run now, or that it has ended: what
// this one still wanted to write is void.
var errLost = errors.New("the lease is lost")

// errCancelled says that a person cancelled the run.
var errCancelled = errors.New("the run is cancelled")

// lease is the right to advance one run, as long as epoch is the run's newest.
type lease struct {
	run    *ent.Run
	owner  string
	epoch  int64
	handle access.StreamHandle
}

// claim takes a run that nobody holds, whose turn it is in its conversation. It
// returns nil when there is nothing to do.
func (e *Engine) claim(ctx context.Context, runID string) (*lease, error) {
	var l *lease
	err := e.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		r, err := tx.Ent.Run.Get(ctx, runID)
		if ent.IsNotFound(err) || err == nil && r.State.Ended() {
			return nil
		}
		if err != nil {
			return err
		}
		was := r.State
		now := store.Now()
		update := tx.Ent.Run.Update().
			Where(run.ID(runID), run.StateIn(enum.RunQueued, enum.RunRunning), run.LeaseOwner(""), itsTurn()).
			SetState(enum.RunRunning).AddEpoch(1).SetLeaseOwner(e.id).Modify(e.extend)
		if r.StartedAt == nil {
			update.SetStartedAt(now)
		}
		n, err := update.Save(ctx)
		if err != nil || n == 0 {
			return err
		}
		if r, err = tx.Ent.Run.Get(ctx, runID); err != nil {
			return err
		}
		handle, err := access.StreamWriter(ctx, tx.Ent, r.ProjectID)
		if err != nil {
			return err
		}
		l = &lease{run: r, owner: e.id, epoch: r.Epoch, handle: handle}
		if was != enum.RunRunning {
			e.log.Append(tx, handle, stateChanged(r, byAgent(r)))
		}
		return nil
	})
	if ent.IsConstraintError(err) { // another run of the conversation began first
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("claim run %s: %w", runID, err)
	}
	return l, nil
}

// itsTurn holds for the oldest run of a conversation that hasn't ended.
func itsTurn() predicate.Run {
	return func(s *sql.Selector) {
		older := sql.Table(run.Table).As("older")
		s.Where(sql.NotExists(sql.Select(older.C(run.FieldID)).From(older).Where(sql.And(
			sql.ColumnsEQ(older.C(run.FieldConversationID), s.C(run.FieldConversationID)),
			sql.ColumnsLT(older.C(run.FieldID), s.C(run.FieldID)),
			sql.NotIn(older.C(run.FieldState), enum.RunSucceeded, enum.RunFailed, enum.RunCancelled),
		))))
	}
}

// expired holds for leases that ran out by the database's clock.
func (e *Engine) expired() predicate.Run {
	return func(s *sql.Selector) {
		s.Where(sql.And(sql.GT(s.C(run.FieldLeaseUntil), 0),
			sql.ExprP(fmt.Sprintf("%s < %s", s.C(run.FieldLeaseUntil), store.NowMillis(e.db.Dialect)))))
	}
}

// extend makes a lease end a whole term from now.
func (e *Engine) extend(u *sql.UpdateBuilder) {
	u.Set(run.FieldLeaseUntil, sql.Expr(fmt.Sprintf("%s + %d", store.NowMillis(e.db.Dialect), leaseMillis)))
}

// fence is the first write of every transaction of a step: it refuses a worker
// whose lease is lost, and holds the run's row so that none can take over
// before the transaction ends.
func (e *Engine) fence(ctx context.Context, tx *store.Tx, l *lease) error {
	return e.renew(ctx, tx.Ent, l)
}

func (e *Engine) renew(ctx context.Context, c *ent.Client, l *lease) error {
	n, err := c.Run.Update().
		Where(run.ID(l.run.ID), run.Epoch(l.epoch), run.LeaseOwner(l.owner), run.StateEQ(enum.RunRunning)).
		Modify(e.extend).Save(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("renew the lease of run %s: %w", l.run.ID, err)
	case n == 0:
		return errLost
	}
	return nil
}

// hold renews the lease until release is called, and ends the context when it is
// lost, when the run is cancelled, or when no renewal came through for a term.
func (e *Engine) hold(ctx context.Context, l *lease) (held context.Context, release func()) {
	held, end := context.WithCancelCause(ctx)
	e.mu.Lock()
	e.held[l.run.ID] = end
	e.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		last := time.Now()
		tick := time.NewTicker(heartbeatEvery)
		defer tick.Stop()
		for {
			select {
			case <-held.Done():
				return
			case <-tick.C:
			}
			err := e.renew(held, e.db.Ent, l)
			switch {
			case err == nil:
				last = time.Now()
			case errors.Is(err, errLost), time.Since(last) > leaseMillis*time.Millisecond:
				end(errLost)
				return
			}
			if wanted, err := e.db.Ent.Run.Query().Where(run.ID(l.run.ID), run.CancelRequested(true)).Exist(held); err == nil && wanted {
				end(errCancelled)
				return
			}
		}
	}()
	return held, func() {
		end(context.Canceled)
		<-done
		e.mu.Lock()
		delete(e.held, l.run.ID)
		e.mu.Unlock()
	}
}

func byAgent(r *ent.Run) stream.Actor { return stream.Actor{AgentID: r.AgentID} }

func stateChanged(r *ent.Run, by stream.Actor) stream.Draft {
	return stream.Draft{Type: enum.EventRunStateChanged, RunID: r.ID, Payload: stream.RunPayload{V: 1, Run: r, Actor: &by}}
}
