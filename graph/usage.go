package graph

import (
	"context"
	"time"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/predicate"
	"github.com/zeblit/zeblit/graph/model"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/usage"
)

// runUsage is what a run has used.
type runUsage struct {
	RunID string
	usage.Totals
}

func runUsageID(u runUsage) string { return u.RunID }

// usageRows adds up the calls that the viewer may see.
func (r *Resolver) usageRows(ctx context.Context, from, to *time.Time, by enum.UsageGrouping, interval *enum.UsageInterval, where predicate.UsageRecord) ([]*model.UsageRow, error) {
	span, err := usage.SpanOf(from, to, store.Now())
	if err != nil {
		return nil, err
	}
	rows, err := usage.Rows(ctx, r.DB.Ent, span, by, deref(interval), where)
	if err != nil {
		return nil, err
	}
	out := make([]*model.UsageRow, len(rows))
	for i, row := range rows {
		out[i] = &model.UsageRow{
			Start: row.Start, Provider: nilIfEmpty(row.Provider), Model: nilIfEmpty(row.Model),
			AgentID: row.AgentID, UserID: row.UserID, ProjectID: row.ProjectID, Usage: row.Totals,
		}
	}
	return out, nil
}

// administers says whether the viewer is an admin of the organisation.
func (r *Resolver) administers(ctx context.Context, o *ent.Organisation) (bool, error) {
	viewer := access.ViewerFrom(ctx)
	if viewer == nil {
		return false, nil
	}
	return access.Administers(ctx, r.DB.Ent, viewer, o.ID)
}

// owns says whether the viewer has the role OWNER in the project.
func (r *Resolver) owns(ctx context.Context, p *ent.Project) (bool, error) {
	err := access.RequireRole(ctx, r.DB.Ent, p.ID, enum.ProjectOwner)
	if problem.Is(err, problem.Forbidden) || problem.Is(err, problem.NotFound) {
		return false, nil
	}
	return err == nil, err
}

func (r *Resolver) requireAdmin(ctx context.Context) error {
	viewer, err := access.RequireViewer(ctx)
	if err != nil {
		return err
	}
	admin, err := access.IsAdmin(ctx, r.DB.Ent, viewer)
	if err == nil && !admin {
		err = problem.New(problem.Forbidden, "this is for the installation's admins")
	}
	return err
}

// usedBy is what a run has used. Of runs from before calls were recorded, the tokens are
// known.
func usedBy(ctx context.Context, run *ent.Run) (*usage.Totals, error) {
	used, found, err := load(ctx).usage.Load(ctx, run.ID)
	if err == nil && !found {
		used.InputTokens, used.OutputTokens = run.InputTokens, run.OutputTokens
	}
	return &used.Totals, err
}

func usageEvent(e stream.Event, head model.Event) (model.ProjectEvent, error) {
	if e.Type == enum.EventUsageRecorded {
		p, err := decode[stream.UsagePayload](e)
		return model.UsageRecorded{Event: head, RunID: e.RunID, RecordID: p.RecordID, Usage: p.Usage}, err
	}
	p, err := decode[stream.BudgetPayload](e)
	return model.BudgetReached{
		Event: head, BudgetID: p.BudgetID, Scope: p.Scope, Period: p.Period, Level: p.Level, Paused: p.Paused, RunID: e.RunID,
		Limit: p.Limit, Spent: p.Spent, Needed: p.Needed, Text: p.Text,
	}, err
}
