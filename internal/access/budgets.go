package access

import (
	"context"
	"fmt"

	"entgo.io/ent/dialect/sql"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/budget"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/orgmembership"
	entpredicate "github.com/zeblit/zeblit/ent/predicate"
	"github.com/zeblit/zeblit/ent/usagerecord"
	"github.com/zeblit/zeblit/ent/user"
)

// What calls of models cost is known to the members of their project, to the admins of
// its organisation, and to those whose messages they answer. A budget's figures are
// known to those whom it binds as a group: the project's members, the organisation's
// admins, the one user, the installation's admins.

func administered(v *Viewer) *sql.Selector {
	m := sql.Table(orgmembership.Table)
	return sql.Select(m.C(orgmembership.FieldOrganisationID)).From(m).Where(sql.And(
		sql.EQ(m.C(orgmembership.FieldUserID), v.UserID),
		sql.In(m.C(orgmembership.FieldRole), enum.OrganisationAdmin, enum.OrganisationOwner)))
}

func isAdmin(v *Viewer) *sql.Predicate {
	u := sql.Table(user.Table).As("admins")
	return sql.Exists(sql.Select(u.C(user.FieldID)).From(u).Where(
		sql.And(sql.EQ(u.C(user.FieldID), v.UserID), sql.EQ(u.C(user.FieldAdmin), true))))
}

// knownUsage is the calls whose cost the viewer may know.
func knownUsage(v *Viewer) predicate {
	return func(s *sql.Selector) {
		s.Where(sql.Or(
			sql.In(s.C(usagerecord.FieldProjectID), projectsOf(v, enum.ProjectViewer)),
			sql.EQ(s.C(usagerecord.FieldUserID), v.UserID),
			sql.In(s.C(usagerecord.FieldOrganisationID), administered(v)),
		))
	}
}

// knownBudgets is the budgets whose figures the viewer may know.
func knownBudgets(v *Viewer) predicate {
	return func(s *sql.Selector) {
		s.Where(sql.Or(budgetsOf(s, v, enum.ProjectViewer), sql.And(
			sql.EQ(s.C(budget.FieldScope), enum.BudgetUser), sql.EQ(s.C(budget.FieldUserID), v.UserID))))
	}
}

// ownBudgets is the budgets that the viewer may change.
func ownBudgets(v *Viewer) predicate {
	return func(s *sql.Selector) { s.Where(budgetsOf(s, v, enum.ProjectOwner)) }
}

func budgetsOf(s *sql.Selector, v *Viewer, role enum.ProjectRole) *sql.Predicate {
	scope, organisation := s.C(budget.FieldScope), s.C(budget.FieldOrganisationID)
	return sql.Or(
		sql.And(sql.In(scope, enum.BudgetProject, enum.BudgetAgent, enum.BudgetRun),
			sql.In(s.C(budget.FieldProjectID), projectsOf(v, role))),
		sql.And(sql.In(scope, enum.BudgetOrganisation, enum.BudgetUser), sql.In(organisation, administered(v))),
		sql.And(sql.In(scope, enum.BudgetInstance, enum.BudgetUser), sql.IsNull(organisation), isAdmin(v)),
	)
}

// ofKnownBudgets is what is spent of the budgets that the viewer may know.
func ofKnownBudgets(v *Viewer) predicate {
	return func(s *sql.Selector) {
		b := sql.Table(budget.Table)
		known := sql.Select(b.C(budget.FieldID)).From(b)
		knownBudgets(v)(known)
		s.Where(sql.In(s.C("budget_id"), known))
	}
}

// mayBudget allows a budget that the viewer could change once it is there.
func mayBudget(ctx context.Context, v *Viewer, m mutation) (bool, error) {
	scope, _ := m.Field(budget.FieldScope)
	switch organisation := stringField(m, budget.FieldOrganisationID); enum.BudgetScope(fmt.Sprint(scope)) {
	case enum.BudgetProject, enum.BudgetAgent, enum.BudgetRun:
		return hasRole(ctx, m.Client(), v, stringField(m, budget.FieldProjectID), enum.ProjectOwner)
	case enum.BudgetOrganisation:
		return Administers(ctx, m.Client(), v, organisation)
	case enum.BudgetUser:
		if organisation != "" {
			return Administers(ctx, m.Client(), v, organisation)
		}
		return IsAdmin(ctx, m.Client(), v)
	case enum.BudgetInstance:
		return IsAdmin(ctx, m.Client(), v)
	}
	return false, nil
}

// Administers says whether the viewer is an admin of the organisation, or its owner.
func Administers(ctx context.Context, c *ent.Client, v *Viewer, organisationID string) (bool, error) {
	mine := func(s *sql.Selector) { s.Where(sql.In(s.C(orgmembership.FieldOrganisationID), administered(v))) }
	return c.OrgMembership.Query().
		Where(orgmembership.OrganisationID(organisationID), orgmembership.UserID(v.UserID), entpredicate.OrgMembership(mine)).
		Exist(unchecked(ctx))
}

// IsAdmin says whether the viewer runs the installation.
func IsAdmin(ctx context.Context, c *ent.Client, v *Viewer) (bool, error) {
	return c.User.Query().Where(user.ID(v.UserID), user.Admin(true)).Exist(unchecked(ctx))
}

// UserExists says whether there is such a user, for who was shown to be an admin.
func UserExists(ctx context.Context, c *ent.Client, id string) (bool, error) {
	return c.User.Query().Where(user.ID(id)).Exist(unchecked(ctx))
}
