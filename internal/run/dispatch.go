package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/predicate"
	"github.com/zeblit/zeblit/ent/project"
	"github.com/zeblit/zeblit/ent/run"
	"github.com/zeblit/zeblit/internal/store"
)

// candidates is how many runs are looked at for one claim: other workers may be
// quicker with the first.
const candidates = 8

// dispatch fills the worker's slots until ctx ends. A hint only says that there may
// be something; which run is claimed is decided here. Steps run below work.
func (e *Engine) dispatch(ctx, work context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.queue.hints:
		}
		for ctx.Err() == nil && e.fill(ctx, work) {
		}
	}
}

// fill claims one run and begins its step. false: no slot is free, whose step will
// give a hint when it ends, or there is nothing to do.
func (e *Engine) fill(ctx, work context.Context) bool {
	select {
	case e.slots <- struct{}{}:
	default:
		return false
	}
	l, err := e.claimNext(ctx)
	if err != nil && ctx.Err() == nil {
		e.logger.ErrorContext(ctx, "claim failed; the sweep tries again", "error", err)
	}
	if l == nil {
		<-e.slots
		return false
	}
	e.steps.Go(func() {
		defer func() {
			<-e.slots
			e.queue.hint()
		}()
		e.step(work, l)
	})
	return true
}

// claimNext claims the run that fairness wants next; nil when there is none.
func (e *Engine) claimNext(ctx context.Context) (*lease, error) {
	for {
		ids, err := e.db.Ent.Run.Query().
			Where(unended(), run.StateIn(enum.RunQueued, enum.RunRunning), run.LeaseOwner(""), itsTurn(), e.belowLimits()).
			Order(fairest).Limit(candidates).IDs(ctx)
		if err != nil {
			return nil, fmt.Errorf("look for a run: %w", err)
		}
		var failures []error
		for _, id := range ids {
			l, err := e.claim(ctx, id)
			if l != nil {
				return l, nil
			}
			failures = append(failures, err) // that one's rows may be locked; the next one's aren't
		}
		if err := errors.Join(failures...); err != nil || len(ids) < candidates {
			return nil, err
		}
	}
}

// fairest orders runs: first of the project with the fewest under way, then of the
// one that was served the longest time ago, then the oldest. A project's later runs
// count those before them as under way: so a worker whom others beat to the first
// goes on with the next project's, as it would if it looked again.
func fairest(s *sql.Selector) {
	project, id := s.C(run.FieldProjectID), s.C(run.FieldID)
	s.OrderExpr(
		sql.Expr(heldInProject(s)+" + row_number() OVER (PARTITION BY "+project+" ORDER BY "+id+")"),
		sql.Expr("(SELECT p.served_at FROM projects AS p WHERE p.id = "+project+")"),
		sql.Expr(id),
	)
}

func heldInProject(s *sql.Selector) string {
	return "(SELECT count(*) FROM runs AS h WHERE h.step_until > 0 AND h.project_id = " + s.C(run.FieldProjectID) + ")"
}

// belowLimits holds where project and organisation may have one more run under way.
func (e *Engine) belowLimits() predicate.Run {
	return func(s *sql.Selector) {
		if n := e.projectLimit; n > 0 {
			s.Where(sql.ExprP(fmt.Sprintf("%s < %d", heldInProject(s), n)))
		}
		if n := e.organisationLimit; n > 0 {
			s.Where(sql.ExprP(fmt.Sprintf(`(SELECT count(*) FROM runs AS h JOIN projects AS hp ON hp.id = h.project_id
				WHERE h.step_until > 0 AND hp.organisation_id = (SELECT p.organisation_id FROM projects AS p WHERE p.id = %s)) < %d`,
				s.C(run.FieldProjectID), n)))
		}
	}
}

// room notes that the project is served, which keeps other claims in it waiting, and
// looks again whether the limits allow one more: nobody overshoots them.
func (e *Engine) room(ctx context.Context, tx *store.Tx, r *ent.Run) (bool, error) {
	if e.organisationLimit > 0 && tx.Dialect == dialect.Postgres {
		const lock = "SELECT pg_advisory_xact_lock(hashtextextended('runs of ' || organisation_id, 0)) FROM projects WHERE id = $1"
		if _, err := tx.SQL.ExecContext(ctx, lock, r.ProjectID); err != nil {
			return false, fmt.Errorf("wait for the organisation's other claims: %w", err)
		}
	}
	err := tx.Ent.Project.Update().Where(project.ID(r.ProjectID)).SetServedAt(time.Now().UnixMicro()).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("note that project %s is served: %w", r.ProjectID, err)
	}
	if e.organisationLimit <= 0 && e.projectLimit <= 0 {
		return true, nil
	}
	return tx.Ent.Run.Query().Where(run.ID(r.ID), e.belowLimits()).Exist(ctx)
}
