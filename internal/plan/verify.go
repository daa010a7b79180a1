package plan

import (
	"context"
	"fmt"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	entplan "github.com/zeblit/zeblit/ent/plan"
	"github.com/zeblit/zeblit/ent/toolcall"
	"github.com/zeblit/zeblit/internal/agent/tools"
	"github.com/zeblit/zeblit/internal/store"
)

// Verify says how far what a run has done is shown: a manager's by its plan's tasks, a
// task's by its criteria. One that changed files and agreed on no criteria is not verified;
// one that changed none has nothing to show.
func (s *Service) Verify(ctx context.Context, tx *store.Tx, r *ent.Run) (enum.Verification, []string, error) {
	p, err := tx.Ent.Plan.Query().Where(entplan.RunID(r.ID)).Only(ctx)
	switch {
	case err == nil:
		tasks, err := numbered(ctx, tx.Ent, p.ID)
		if err != nil {
			return "", nil, err
		}
		return s.verdict(ctx, tx.Ent, tasks)
	case !ent.IsNotFound(err):
		return "", nil, err
	case r.TaskID != "":
		t, err := tx.Ent.Task.Get(ctx, r.TaskID)
		if ent.IsNotFound(err) {
			return enum.Unverified, []string{"its task is gone"}, nil
		}
		if err != nil {
			return "", nil, err
		}
		return s.verdict(ctx, tx.Ent, []*ent.Task{t})
	}
	changed, err := changedFiles(ctx, tx.Ent, r)
	if err != nil || !changed {
		return "", nil, err
	}
	return enum.Unverified, []string{"no acceptance criteria were agreed on"}, nil
}

func (s *Service) verdict(ctx context.Context, c *ent.Client, tasks []*ent.Task) (enum.Verification, []string, error) {
	criteria, err := criteriaOf(ctx, c, ids(tasks)...)
	if err != nil {
		return "", nil, err
	}
	var gaps []string
	met := 0
	for _, t := range tasks {
		if len(tasks) > 1 && t.State != enum.TaskCompleted {
			gaps = append(gaps, fmt.Sprintf("%s: the task is %s", t.Title, t.State))
			continue
		}
		for _, one := range criteria[t.ID] {
			switch one.State {
			case enum.CriterionMet:
				met++
			case enum.CriterionWaived:
				gaps = append(gaps, fmt.Sprintf("%s: waived: %s", t.Title, one.Text))
			case enum.CriterionStale:
				gaps = append(gaps, fmt.Sprintf("%s: shown, and doesn't hold any more: %s (%s)", t.Title, one.Text, one.Problem))
			default:
				gaps = append(gaps, fmt.Sprintf("%s: not shown: %s", t.Title, one.Text))
			}
		}
	}
	switch {
	case len(gaps) == 0:
		return enum.Verified, nil, nil
	case met == 0:
		return enum.Unverified, gaps, nil
	}
	return enum.WithGaps, gaps, nil
}

// changedFiles says whether a call of the run may have changed files.
func changedFiles(ctx context.Context, c *ent.Client, r *ent.Run) (bool, error) {
	calls, err := c.ToolCall.Query().Where(toolcall.RunID(r.ID), toolcall.StateNEQ(enum.ToolCallFailed)).All(ctx)
	if err != nil {
		return false, err
	}
	for _, call := range calls {
		if tool := tools.Find(call.Name); tool != nil && tools.Writes(tool) {
			return true, nil
		}
	}
	return false, nil
}
