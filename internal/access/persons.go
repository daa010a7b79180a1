package access

import (
	"context"

	"entgo.io/ent/dialect/sql"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/conversation"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/membership"
	"github.com/zeblit/zeblit/ent/message"
	"github.com/zeblit/zeblit/ent/orgmembership"
	"github.com/zeblit/zeblit/ent/project"
	"github.com/zeblit/zeblit/internal/relay"
)

type (
	predicate = func(*sql.Selector)
	// scope is the rows that a viewer may act on.
	scope func(*Viewer) predicate
	// check says whether a viewer may create this row.
	check func(context.Context, *Viewer, mutation) (bool, error)
)

// rule is what a person may do with one entity. What is nil is not allowed.
type rule struct {
	read   scope
	create check
	update scope
	delete scope
}

// persons holds the rule of every entity that people touch at all. What only
// actors write (sessions, keys, accounts) has a read rule at most.
var persons = map[string]rule{
	ent.TypeUser:          {read: knownUsers},
	ent.TypeSession:       {read: own},
	ent.TypeApiKey:        {read: own},
	ent.TypeOrganisation:  {read: myOrganisations},
	ent.TypeOrgMembership: {read: inMyOrganisations},
	ent.TypeAgent:         {read: everything},

	ent.TypeProject: {
		read:   inProjects("id", enum.ProjectViewer),
		create: inOwnOrganisation,
		update: inProjects("id", enum.ProjectEditor),
		delete: inProjects("id", enum.ProjectOwner),
	},
	ent.TypeMembership: {
		read:   inProjects("project_id", enum.ProjectViewer),
		create: ofOwnProject("project_id"),
		update: inProjects("project_id", enum.ProjectOwner),
		delete: inProjects("project_id", enum.ProjectOwner),
	},
	ent.TypeConversation: {read: both(edited.read, undeleted), create: edited.create, update: edited.update},
	ent.TypeMessage:      {read: both(added.read, ofUndeleted), create: added.create},
	ent.TypeRun:          edited,
	ent.TypeToolCall:     {read: inProjects("project_id", enum.ProjectViewer)},
	ent.TypeStream: {
		read:   inProjects("id", enum.ProjectViewer),
		create: ofOwnProject("id"),
		delete: inProjects("id", enum.ProjectOwner),
	},
	ent.TypeEvent:          {read: inProjects("stream_id", enum.ProjectViewer)},
	ent.TypeGitObject:      added,
	ent.TypeGitRef:         {read: edited.read, create: edited.create, update: edited.update, delete: edited.update},
	ent.TypeSandbox:        edited,
	ent.TypeWorktree:       edited,
	ent.TypeCommand:        edited,
	ent.TypeOutputPiece:    {read: inProjects("project_id", enum.ProjectViewer)},
	ent.TypeGitStorage:     edited,
	ent.TypeGitPack:        {read: added.read},
	ent.TypeGitPackObject:  {read: added.read},
	ent.TypeMerge:          edited,
	ent.TypeQuestion:       edited,
	ent.TypeFinding:        edited,
	ent.TypeSecurityScan:   {read: added.read, create: added.create, delete: edited.update},
	ent.TypePlan:           edited,
	ent.TypeTask:           {read: edited.read, create: edited.create, update: edited.update, delete: edited.update},
	ent.TypeCriterion:      edited,
	ent.TypeCheckpoint:     added,
	ent.TypeIdempotencyKey: {read: own, create: isOwn, delete: own},

	ent.TypeConsoleKey:   {read: added.read, create: added.create, delete: inProjects("project_id", enum.ProjectEditor)},
	ent.TypeConsoleEntry: {read: added.read, delete: inProjects("project_id", enum.ProjectEditor)},

	ent.TypeUsageRecord:    {read: knownUsage},
	ent.TypeBudget:         {read: knownBudgets, create: mayBudget, update: ownBudgets, delete: ownBudgets},
	ent.TypeSpending:       {read: ofKnownBudgets},
	ent.TypeApproval:       {read: added.read},
	ent.TypePermissionRule: {read: knownPermissionRules, create: maySetPermissionRule, delete: ownPermissionRules},
	ent.TypeProviderKey:    {read: ownProviderKeys, create: maySetProviderKey, delete: ownProviderKeys},
}

// added: members read it, editors add to it, nobody changes it.
var added = rule{
	read:   inProjects("project_id", enum.ProjectViewer),
	create: withRole(enum.ProjectEditor),
}

// edited: members read it, editors add and change it.
var edited = rule{
	read:   added.read,
	create: added.create,
	update: inProjects("project_id", enum.ProjectEditor),
}

// both is the rows that are in two scopes.
func both(a, b scope) scope {
	return func(v *Viewer) predicate {
		first, second := a(v), b(v)
		return func(s *sql.Selector) {
			first(s)
			second(s)
		}
	}
}

// undeleted is the conversations that nobody has deleted.
func undeleted(*Viewer) predicate {
	return func(s *sql.Selector) { s.Where(sql.IsNull(s.C("deleted_at"))) }
}

// ofUndeleted is the messages of such.
func ofUndeleted(*Viewer) predicate {
	return func(s *sql.Selector) {
		gone := sql.Table(conversation.Table).As("gone")
		s.Where(sql.NotExists(sql.Select(gone.C(conversation.FieldID)).From(gone).Where(sql.And(
			sql.ColumnsEQ(gone.C(conversation.FieldID), s.C(message.FieldConversationID)),
			sql.ColumnsEQ(gone.C(conversation.FieldProjectID), s.C(message.FieldProjectID)),
			sql.NotNull(gone.C("deleted_at")),
		))))
	}
}

func everything(*Viewer) predicate { return func(*sql.Selector) {} }

func own(v *Viewer) predicate {
	return func(s *sql.Selector) { s.Where(sql.EQ(s.C("user_id"), v.UserID)) }
}

func isOwn(_ context.Context, v *Viewer, m mutation) (bool, error) {
	return stringField(m, "user_id") == v.UserID, nil
}

// inProjects is the rows whose column names a project where the viewer has role or more.
func inProjects(column string, role enum.ProjectRole) scope {
	return func(v *Viewer) predicate {
		return func(s *sql.Selector) { s.Where(sql.In(s.C(column), projectsOf(v, role))) }
	}
}

func projectsOf(v *Viewer, role enum.ProjectRole) *sql.Selector {
	m := sql.Table(membership.Table)
	where := sql.EQ(m.C(membership.FieldUserID), v.UserID)
	if role != enum.ProjectViewer {
		where = sql.And(where, sql.In(m.C(membership.FieldRole), anyRoles(role)...))
	}
	return sql.Select(m.C(membership.FieldProjectID)).From(m).Where(where)
}

func anyRoles(role enum.ProjectRole) []any {
	var out []any
	for _, r := range role.AtLeast() {
		out = append(out, r)
	}
	return out
}

// withRole allows a row in a project where the viewer has role or more.
func withRole(role enum.ProjectRole) check {
	return func(ctx context.Context, v *Viewer, m mutation) (bool, error) {
		return hasRole(ctx, m.Client(), v, stringField(m, "project_id"), role)
	}
}

func hasRole(ctx context.Context, c *ent.Client, v *Viewer, projectID string, role enum.ProjectRole) (bool, error) {
	if relay.IDPrefix(projectID) == "" { // a malformed id is an unknown one, whatever the database thinks of it
		return false, nil
	}
	return c.Membership.Query().Where(
		membership.ProjectID(projectID),
		membership.UserID(v.UserID),
		membership.RoleIn(role.AtLeast()...),
	).Exist(unchecked(ctx))
}

// ofOwnProject allows rows of a project that the viewer owns; it is what lets a
// new project's first rows in.
func ofOwnProject(column string) check {
	return func(ctx context.Context, v *Viewer, m mutation) (bool, error) {
		id := stringField(m, column)
		return m.Client().Project.Query().
			Where(project.ID(id), project.OwnerID(v.UserID)).Exist(unchecked(ctx))
	}
}

func inOwnOrganisation(ctx context.Context, v *Viewer, m mutation) (bool, error) {
	if stringField(m, "owner_id") != v.UserID {
		return false, nil
	}
	return m.Client().OrgMembership.Query().Where(
		orgmembership.OrganisationID(stringField(m, "organisation_id")),
		orgmembership.UserID(v.UserID),
	).Exist(unchecked(ctx))
}

func organisationsOf(v *Viewer) *sql.Selector {
	m := sql.Table(orgmembership.Table)
	return sql.Select(m.C(orgmembership.FieldOrganisationID)).From(m).
		Where(sql.EQ(m.C(orgmembership.FieldUserID), v.UserID))
}

func inMyOrganisations(v *Viewer) predicate {
	return func(s *sql.Selector) { s.Where(sql.In(s.C("organisation_id"), organisationsOf(v))) }
}

// myOrganisations is those the viewer belongs to and those of their projects.
func myOrganisations(v *Viewer) predicate {
	return func(s *sql.Selector) {
		p := sql.Table(project.Table)
		ofProjects := sql.Select(p.C(project.FieldOrganisationID)).From(p).
			Where(sql.In(p.C(project.FieldID), projectsOf(v, enum.ProjectViewer)))
		s.Where(sql.Or(sql.In(s.C("id"), organisationsOf(v)), sql.In(s.C("id"), ofProjects)))
	}
}

// knownUsers is the viewer and everyone they share a project with.
func knownUsers(v *Viewer) predicate {
	return func(s *sql.Selector) {
		m := sql.Table(membership.Table).As("peers")
		peers := sql.Select(m.C(membership.FieldUserID)).From(m).
			Where(sql.In(m.C(membership.FieldProjectID), projectsOf(v, enum.ProjectViewer)))
		s.Where(sql.Or(sql.EQ(s.C("id"), v.UserID), sql.In(s.C("id"), peers)))
	}
}

func stringField(m ent.Mutation, name string) string {
	if name == "id" {
		if withID, ok := m.(interface{ ID() (string, bool) }); ok {
			id, _ := withID.ID()
			return id
		}
		return ""
	}
	v, _ := m.Field(name)
	s, _ := v.(string)
	return s
}
