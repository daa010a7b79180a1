package usage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/agent"
	"github.com/zeblit/zeblit/ent/budget"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/orgmembership"
	"github.com/zeblit/zeblit/ent/spending"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/money"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/relay"
	"github.com/zeblit/zeblit/internal/store"
)

// maxLimit is the largest limit of a budget: a billion US dollars.
const maxLimit = 1_000_000_000 * money.Dollar

// Budgets makes, changes and deletes budgets with the viewer's rights.
type Budgets struct {
	db  *store.DB
	now func() time.Time
}

// NewBudgets makes a Budgets.
func NewBudgets(db *store.DB) *Budgets { return &Budgets{db: db, now: store.Now} }

// SetInput says how much the calls of a scope may cost in each period. Which ids are
// given follows from the scope; of a USER's budget the organisation is the one within
// which it holds, where one is given.
type SetInput struct {
	Scope  enum.BudgetScope
	Period enum.BudgetPeriod
	Limit  int64 // nano-dollars

	OrganisationID, ProjectID, UserID, RunID string
	Agent                                    string // slug
}

// Set makes the budget of a scope and a period, or changes its limit. It needs the role
// OWNER in the project; for an organisation's budgets, one of its admins; for all else
// the installation's.
func (b *Budgets) Set(ctx context.Context, in SetInput) (*ent.Budget, error) {
	viewer, err := access.RequireViewer(ctx)
	if err != nil {
		return nil, err
	}
	var set *ent.Budget
	err = b.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		t, err := targetOf(ctx, tx, viewer, in)
		if err != nil {
			return err
		}
		set, err = t.set(ctx, tx, viewer, in, b.now())
		return err
	})
	return set, err
}

// Delete removes a budget: what it bounded has one bound less. It needs what Set needs.
func (b *Budgets) Delete(ctx context.Context, id string) error {
	viewer, err := access.RequireViewer(ctx)
	if err != nil {
		return err
	}
	if relay.IDPrefix(id) == "" {
		return problem.Missing("budgetId", "budget")
	}
	return b.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		found, err := tx.Ent.Budget.Get(ctx, id)
		if ent.IsNotFound(err) {
			return problem.Missing("budgetId", "budget")
		}
		if err != nil {
			return err
		}
		if err := may(ctx, tx, viewer, found.Scope, found.ProjectID, found.OrganisationID); err != nil {
			return err
		}
		n, err := tx.Ent.Budget.Delete().Where(budget.ID(id)).Exec(ctx)
		if err == nil && n == 0 {
			err = problem.Missing("budgetId", "budget")
		}
		return err
	})
}

// target is what a budget bounds.
type target struct {
	subject                                           string
	organisationID, projectID, userID, agentID, runID *string
}

// targetOf finds what is meant, as far as the viewer may know of it, and refuses who may
// not bound it and what makes no sense, in this order.
func targetOf(ctx context.Context, tx *store.Tx, viewer *access.Viewer, in SetInput) (*target, error) {
	if err := visible(ctx, tx, viewer, in); err != nil {
		return nil, err
	}
	if err := fits(in); err != nil {
		return nil, err
	}
	t := &target{}
	some := func(id string) *string { return &id }
	switch in.Scope {
	case enum.BudgetInstance:
		t.subject = subject(in.Scope)
	case enum.BudgetOrganisation:
		t.organisationID, t.subject = some(in.OrganisationID), subject(in.Scope, in.OrganisationID)
	case enum.BudgetProject:
		t.projectID, t.subject = some(in.ProjectID), subject(in.Scope, in.ProjectID)
	case enum.BudgetUser:
		t.userID, t.subject = some(in.UserID), subject(in.Scope, in.UserID)
		if in.OrganisationID != "" {
			t.organisationID, t.subject = some(in.OrganisationID), subject(in.Scope, in.UserID, in.OrganisationID)
		}
	case enum.BudgetAgent:
		a, err := tx.Ent.Agent.Query().Where(agent.Slug(in.Agent)).Only(ctx)
		if ent.IsNotFound(err) {
			return nil, problem.BadField("agent", "there is no such agent")
		}
		if err != nil {
			return nil, err
		}
		t.projectID, t.agentID, t.subject = some(in.ProjectID), &a.ID, subject(in.Scope, in.ProjectID, a.ID)
	case enum.BudgetRun:
		r, err := tx.Ent.Run.Get(ctx, in.RunID)
		if err != nil {
			return nil, err
		}
		t.projectID, t.runID, t.subject = &r.ProjectID, some(in.RunID), subject(in.Scope, in.RunID)
	}
	return t, may(ctx, tx, viewer, in.Scope, t.projectID, t.organisationID)
}

// visible refuses ids of what the viewer doesn't see, as of what isn't there.
func visible(ctx context.Context, tx *store.Tx, viewer *access.Viewer, in SetInput) error {
	admin, err := access.IsAdmin(ctx, tx.Ent, viewer)
	if err != nil {
		return err
	}
	for _, of := range []struct {
		id, field, what string
		exists          func() (bool, error)
	}{
		{in.OrganisationID, "organisationId", "organisation", func() (bool, error) {
			return tx.Ent.OrgMembership.Query().Where(orgmembership.OrganisationID(in.OrganisationID), orgmembership.UserID(viewer.UserID)).Exist(ctx)
		}},
		{in.ProjectID, "projectId", "project", func() (bool, error) { return seen(tx.Ent.Project.Get(ctx, in.ProjectID)) }},
		{in.RunID, "runId", "run", func() (bool, error) { return seen(tx.Ent.Run.Get(ctx, in.RunID)) }},
		{in.UserID, "userId", "user", func() (bool, error) { return member(ctx, tx, in, admin) }},
	} {
		if of.id == "" {
			continue
		}
		found := false
		if relay.IDPrefix(of.id) != "" {
			if found, err = of.exists(); err != nil {
				return err
			}
		}
		if !found {
			return problem.Missing(of.field, of.what)
		}
	}
	return nil
}

// member says whether the user may be spoken of: by the installation's admins anyone,
// within an organisation its members, who are known to each other there.
func member(ctx context.Context, tx *store.Tx, in SetInput, admin bool) (bool, error) {
	if in.OrganisationID != "" {
		return tx.Ent.OrgMembership.Query().
			Where(orgmembership.OrganisationID(in.OrganisationID), orgmembership.UserID(in.UserID)).Exist(ctx)
	}
	if admin {
		return access.UserExists(ctx, tx.Ent, in.UserID)
	}
	return seen(tx.Ent.User.Get(ctx, in.UserID))
}

func seen[T any](_ T, err error) (bool, error) {
	if ent.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

// wanted are the ids that each scope takes; the last of a USER's may be missing.
var wanted = map[enum.BudgetScope][]string{
	enum.BudgetInstance:     nil,
	enum.BudgetOrganisation: {"organisationId"},
	enum.BudgetProject:      {"projectId"},
	enum.BudgetUser:         {"userId", "organisationId"},
	enum.BudgetAgent:        {"projectId", "agent"},
	enum.BudgetRun:          {"runId"},
}

// fits judges what needs no database.
func fits(in SetInput) error {
	given := map[string]string{
		"organisationId": in.OrganisationID, "projectId": in.ProjectID, "userId": in.UserID, "agent": in.Agent, "runId": in.RunID,
	}
	for _, field := range wanted[in.Scope] {
		if given[field] == "" && (in.Scope != enum.BudgetUser || field == "userId") {
			return problem.BadField(field, "a budget of scope %s needs %s", in.Scope, field)
		}
		delete(given, field)
	}
	for _, field := range []string{"organisationId", "projectId", "userId", "agent", "runId"} {
		if given[field] != "" {
			return problem.BadField(field, "a budget of scope %s takes no %s", in.Scope, field)
		}
	}
	switch {
	case in.Scope == enum.BudgetRun && in.Period != enum.PeriodTotal:
		return problem.BadField("period", "a budget of one run has the period TOTAL; RUN is for a budget of each run of a project, an agent, a user, an organisation or the installation")
	case in.Limit <= 0:
		return problem.BadField("limit", "limit must be more than 0; without a budget nothing is limited")
	case in.Limit > maxLimit:
		return problem.BadField("limit", "limit is at most 1,000,000,000 US dollars")
	}
	return nil
}

// may refuses a viewer who can't bound this.
func may(ctx context.Context, tx *store.Tx, viewer *access.Viewer, scope enum.BudgetScope, projectID, organisationID *string) error {
	allowed, who := false, ""
	var err error
	switch {
	case scope.InProject():
		return access.RequireRole(ctx, tx.Ent, *projectID, enum.ProjectOwner)
	case organisationID != nil:
		who = "an organisation's budgets are set by its admins"
		allowed, err = access.Administers(ctx, tx.Ent, viewer, *organisationID)
	default:
		who = "this is for the installation's admins"
		allowed, err = access.IsAdmin(ctx, tx.Ent, viewer)
	}
	if err == nil && !allowed {
		err = problem.New(problem.Forbidden, "%s", who)
	}
	return err
}

func (t *target) set(ctx context.Context, tx *store.Tx, viewer *access.Viewer, in SetInput, now time.Time) (*ent.Budget, error) {
	if err := t.keep(ctx, tx); err != nil {
		return nil, err
	}
	if err := makeBudgets(ctx, tx); err != nil {
		return nil, err
	}
	query := tx.Ent.Budget.Query().Where(budget.Subject(t.subject), budget.PeriodEQ(in.Period))
	if postgres(tx) { // another may be deleting it
		query.ForUpdate()
	}
	found, err := query.Only(ctx)
	if err == nil {
		return tx.Ent.Budget.UpdateOne(found).SetLimitNano(in.Limit).SetUpdatedAt(store.Now()).Save(ctx)
	}
	if !ent.IsNotFound(err) {
		return nil, err
	}
	made, err := tx.Ent.Budget.Create().SetScope(in.Scope).SetPeriod(in.Period).SetSubject(t.subject).
		SetNillableOrganisationID(t.organisationID).SetNillableProjectID(t.projectID).SetNillableUserID(t.userID).
		SetNillableAgentID(t.agentID).SetNillableRunID(t.runID).
		SetLimitNano(in.Limit).SetCreatedByID(viewer.UserID).Save(ctx)
	if err != nil || made.Period == enum.PeriodRun {
		return made, err
	}
	// What was spent before counts, whether or not the viewer may see of whom.
	_, err = spendingOf(access.As(ctx, access.Engine), tx, made, Account{}, now)
	return made, err
}

// keep holds the project's row before the lock of those who make budgets: whoever
// deletes a project writes into its row first, and settles what is under way in it.
func (t *target) keep(ctx context.Context, tx *store.Tx) error {
	if t.projectID == nil || !postgres(tx) {
		return nil
	}
	var there int
	err := tx.SQL.QueryRowContext(ctx, "SELECT 1 FROM projects WHERE id = $1 FOR SHARE", *t.projectID).Scan(&there)
	if errors.Is(err, sql.ErrNoRows) {
		return problem.Missing("projectId", "project")
	}
	return err
}

// SpendingOf is what is spent and reserved of a budget in its period of at. Of a budget
// of each run there is no one period: nil.
func SpendingOf(ctx context.Context, c *ent.Client, b *ent.Budget, at time.Time) (*ent.Spending, error) {
	all, err := SpendingsOf(ctx, c, []*ent.Budget{b}, at)
	return all[b.ID], err
}

// SpendingsOf is SpendingOf for many budgets, by their ids.
func SpendingsOf(ctx context.Context, c *ent.Client, budgets []*ent.Budget, at time.Time) (map[string]*ent.Spending, error) {
	ids := make([]string, len(budgets))
	for i, b := range budgets {
		ids[i] = b.ID
	}
	now := make([]string, 0, 3)
	for _, p := range []enum.BudgetPeriod{enum.PeriodDay, enum.PeriodMonth, enum.PeriodTotal} {
		now = append(now, periodOf(p, "", at))
	}
	found, err := c.Spending.Query().Where(spending.BudgetIDIn(ids...), spending.PeriodIn(now...)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read what is spent of budgets: %w", err)
	}
	all := make(map[string]*ent.Spending, len(budgets))
	for _, s := range found {
		all[s.BudgetID] = s
	}
	for _, b := range budgets { // of which nobody has reserved anything in this period
		if all[b.ID] == nil && b.Period != enum.PeriodRun {
			all[b.ID] = &ent.Spending{BudgetID: b.ID, Period: periodOf(b.Period, "", at)}
		}
	}
	return all, nil
}
