package access

import (
	"context"

	"entgo.io/ent/dialect/sql"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/permissionrule"
)

// What agents may do in a project is known to its members, and set by its owners; what
// they may do in all projects of an organisation, by its admins.

// knownPermissionRules is the rules that bind agents in the viewer's projects.
func knownPermissionRules(v *Viewer) predicate {
	return func(s *sql.Selector) {
		project := s.C(permissionrule.FieldProjectID)
		s.Where(sql.Or(
			sql.In(project, projectsOf(v, enum.ProjectViewer)),
			sql.And(sql.IsNull(project), sql.In(s.C(permissionrule.FieldOrganisationID), organisationsOf(v))),
		))
	}
}

// ownPermissionRules is the rules that the viewer may delete.
func ownPermissionRules(v *Viewer) predicate {
	return func(s *sql.Selector) {
		project := s.C(permissionrule.FieldProjectID)
		s.Where(sql.Or(
			sql.In(project, projectsOf(v, enum.ProjectOwner)),
			sql.And(sql.IsNull(project), sql.In(s.C(permissionrule.FieldOrganisationID), administered(v))),
		))
	}
}

// maySetPermissionRule allows a rule that the viewer could delete once it is there.
func maySetPermissionRule(ctx context.Context, v *Viewer, m mutation) (bool, error) {
	if project := stringField(m, permissionrule.FieldProjectID); project != "" {
		return hasRole(ctx, m.Client(), v, project, enum.ProjectOwner)
	}
	return Administers(ctx, m.Client(), v, stringField(m, permissionrule.FieldOrganisationID))
}
