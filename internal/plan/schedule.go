package plan

import (
	"context"
	"errors"
	"fmt"
	"time"

	"entgo.io/ent/dialect/sql"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	entplan "github.com/zeblit/zeblit/ent/plan"
	"github.com/zeblit/zeblit/ent/predicate"
	"github.com/zeblit/zeblit/ent/task"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/faults"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
)

// lookEvery is how often plans are looked at without a hint: what other processes did.
const lookEvery = 300 * time.Millisecond

// Run moves plans, and the tasks that people had begun, until ctx ends. On several nodes
// at once each move is made by one of them.
func (s *Service) Run(ctx context.Context) error {
	ctx = access.As(ctx, access.Engine)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if err := s.Move(ctx); err != nil && ctx.Err() == nil {
			s.logger.ErrorContext(ctx, "some plans could not be moved on; they are looked at again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.hints:
		case <-tick.C:
		}
	}
}

// Move looks once at every plan and every task under way.
func (s *Service) Move(ctx context.Context) error {
	open, err := s.db.Ent.Plan.Query().Where(openPlans(), entplan.StateNEQ(enum.PlanProposed)).Order(ent.Asc(entplan.FieldID)).All(ctx)
	if err != nil {
		return fmt.Errorf("look for plans: %w", err)
	}
	proposed, err := s.db.Ent.Plan.Query().Where(entplan.StateEQ(enum.PlanProposed)).All(ctx)
	if err != nil {
		return fmt.Errorf("look for plans: %w", err)
	}
	var failures []error
	for _, p := range append(open, proposed...) {
		if err := s.movePlan(ctx, p); err != nil && !passing(err) {
			failures = append(failures, fmt.Errorf("move plan %s: %w", p.ID, err))
		}
	}
	alone, err := s.db.Ent.Task.Query().Where(task.PlanIDIsNil(), task.StateIn(enum.TaskInProgress, enum.TaskMerging)).All(ctx)
	if err != nil {
		return errors.Join(append(failures, err)...)
	}
	for _, t := range alone {
		if err := s.moveAlone(ctx, t); err != nil && !passing(err) {
			failures = append(failures, fmt.Errorf("move task %s: %w", t.ID, err))
		}
	}
	return errors.Join(failures...)
}

// passing says that somebody else was quicker: the next look sees what they did.
func passing(err error) bool { return errors.Is(err, run.ErrMoved) || ent.IsNotFound(err) }

// openPlans holds for plans that are not over, in the words of their index.
func openPlans() predicate.Plan {
	return func(s *sql.Selector) {
		for _, state := range []enum.PlanState{enum.PlanDone, enum.PlanCancelled} {
			s.Where(sql.ExprP(s.C(entplan.FieldState) + " <> '" + string(state) + "'"))
		}
	}
}

// movePlan makes the moves that a plan has due, in one transaction. What has none is only
// read.
func (s *Service) movePlan(ctx context.Context, p *ent.Plan) error {
	look, err := s.read(ctx, s.db.Ent, p)
	if err != nil {
		return err
	}
	if !look.due() {
		return nil
	}
	err = s.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		p, err := s.hold(ctx, tx, p)
		if err != nil {
			return err
		}
		if over(p) {
			return nil
		}
		now, err := s.read(ctx, tx.Ent, p)
		if err != nil {
			return err
		}
		tx.BeforeCommit(func(context.Context) error { faults.Point(faults.PlanMoving); return nil })
		return s.advance(ctx, tx, now)
	})
	if err == nil {
		faults.Point(faults.PlanMoved)
	}
	return err
}

// moveAlone settles a task that belongs to no plan.
func (s *Service) moveAlone(ctx context.Context, t *ent.Task) error {
	ended, err := s.hasMoved(ctx, s.db.Ent, t, false)
	if err != nil || !ended {
		return err
	}
	return s.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		t, err := tx.Ent.Task.UpdateOneID(t.ID).SetUpdatedAt(store.Now()).Save(ctx)
		if err != nil || t.State != enum.TaskInProgress && t.State != enum.TaskMerging {
			return err
		}
		_, err = s.settle(ctx, tx, nil, t)
		if p := problem.As(err); p != nil { // a person has to look
			_, err = s.blocked(ctx, tx, t, p.Message, stream.Actor{})
		}
		return err
	})
}
