package plan

import (
	"context"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/relay"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
)

// decide does something to the viewer's plan, whose row is held. It needs the role EDITOR.
func (s *Service) decide(ctx context.Context, id string, do func(ctx context.Context, tx *store.Tx, p *ent.Plan, by stream.Actor) (*ent.Plan, error)) (p *ent.Plan, err error) {
	viewer, err := access.RequireViewer(ctx)
	if err != nil {
		return nil, err
	}
	if relay.IDPrefix(id) != "pln" {
		return nil, problem.Missing("planId", "plan")
	}
	err = s.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if p, err = tx.Ent.Plan.Get(ctx, id); ent.IsNotFound(err) {
			return problem.Missing("planId", "plan")
		}
		if err != nil {
			return err
		}
		if err := access.RequireRole(ctx, tx.Ent, p.ProjectID, enum.ProjectEditor); err != nil {
			return err
		}
		if p, err = s.hold(ctx, tx, p); err != nil {
			return err
		}
		p, err = do(ctx, tx, p, stream.Actor{UserID: viewer.UserID})
		return err
	})
	return p, err
}

// Approve has a proposed plan begin.
func (s *Service) Approve(ctx context.Context, id string) (*ent.Plan, error) {
	return s.decide(ctx, id, func(ctx context.Context, tx *store.Tx, p *ent.Plan, by stream.Actor) (*ent.Plan, error) {
		switch p.State {
		case enum.PlanActive:
			return p, nil
		case enum.PlanProposed:
		default:
			return nil, problem.New(problem.Conflict, "the plan is %s: only one that is PROPOSED can be approved", p.State)
		}
		p, err := tx.Ent.Plan.UpdateOneID(p.ID).SetState(enum.PlanActive).Save(ctx)
		if err != nil {
			return nil, err
		}
		return p, s.tellPlan(ctx, tx, p, by)
	})
}

// Reject ends a proposed plan and its tasks, and tells its manager why.
func (s *Service) Reject(ctx context.Context, id, reason string) (*ent.Plan, error) {
	return s.decide(ctx, id, func(ctx context.Context, tx *store.Tx, p *ent.Plan, by stream.Actor) (*ent.Plan, error) {
		if p.State != enum.PlanProposed {
			return nil, problem.New(problem.Conflict, "the plan is %s: only one that is PROPOSED can be rejected", p.State)
		}
		if err := checkText("reason", "a reason", reason, maxNote); err != nil {
			return nil, err
		}
		tasks, err := numbered(ctx, tx.Ent, p.ID)
		if err != nil {
			return nil, err
		}
		for _, t := range tasks {
			t, err := s.end(ctx, tx, t, enum.TaskCancelled, "the plan was rejected")
			if err != nil {
				return nil, err
			}
			if err := s.tellTask(ctx, tx, t, by); err != nil {
				return nil, err
			}
		}
		if err := s.tellRejected(ctx, tx, p, reason, by); err != nil {
			return nil, err
		}
		p, err = tx.Ent.Plan.UpdateOneID(p.ID).SetState(enum.PlanCancelled).SetCallID("").SetFinishedAt(store.Now()).Save(ctx)
		if err != nil {
			return nil, err
		}
		return p, s.tellPlan(ctx, tx, p, by)
	})
}

// tellRejected answers the call of the manager's that waits for the plan. Where none does,
// since somebody has spoken to the manager meanwhile, it is a message that the manager finds.
func (s *Service) tellRejected(ctx context.Context, tx *store.Tx, p *ent.Plan, reason string, by stream.Actor) error {
	text := "The plan was rejected, and nothing of it was begun."
	if reason != "" {
		text += " The reason: " + reason
	}
	answered := false
	if p.CallID != "" {
		var err error
		next := "\n\nPropose another plan with create_plan, or report."
		if answered, err = s.runs.Answer(ctx, tx, p.CallID, enum.ToolCallDone, text+next, by); err != nil {
			return err
		}
	}
	if answered {
		return nil
	}
	return s.runs.Tell(ctx, tx, p.RunID, run.Said{Text: text, By: by})
}

// Waive has a person do without a criterion.
func (s *Service) Waive(ctx context.Context, id, reason string) (*ent.Criterion, *ent.Task, error) {
	if _, err := access.RequireViewer(ctx); err != nil {
		return nil, nil, err
	}
	if relay.IDPrefix(id) != "crt" {
		return nil, nil, problem.Missing("criterionId", "criterion")
	}
	c, err := s.db.Ent.Criterion.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, nil, problem.Missing("criterionId", "criterion")
	}
	if err != nil {
		return nil, nil, err
	}
	t, err := s.act(ctx, c.TaskID, func(ctx context.Context, tx *store.Tx, t *ent.Task, by stream.Actor) (*ent.Task, error) {
		if err := checkText("reason", "a reason", reason, maxNote); err != nil {
			return nil, err
		}
		if c, err = tx.Ent.Criterion.UpdateOneID(id).SetState(enum.CriterionWaived).SetNote(reason).SetShownAt(store.Now()).Save(ctx); err != nil {
			return nil, err
		}
		return t, s.tellTask(ctx, tx, t, by)
	})
	return c, t, err
}
