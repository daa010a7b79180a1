package access

import (
	"context"

	"entgo.io/ent/dialect/sql"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/providerkey"
)

// Keys of model providers are known to those who may set them: a project's to its
// owners, an organisation's to its admins. What a row holds of the key itself is
// ciphertext, which the API shows to nobody.

// ownProviderKeys is the keys that the viewer may see in a list, and delete.
func ownProviderKeys(v *Viewer) predicate {
	return func(s *sql.Selector) {
		project := s.C(providerkey.FieldProjectID)
		s.Where(sql.Or(
			sql.In(project, projectsOf(v, enum.ProjectOwner)),
			sql.And(sql.IsNull(project), sql.In(s.C(providerkey.FieldOrganisationID), administered(v))),
		))
	}
}

// maySetProviderKey allows a key that the viewer could delete once it is there.
func maySetProviderKey(ctx context.Context, v *Viewer, m mutation) (bool, error) {
	if project := stringField(m, providerkey.FieldProjectID); project != "" {
		return hasRole(ctx, m.Client(), v, project, enum.ProjectOwner)
	}
	return Administers(ctx, m.Client(), v, stringField(m, providerkey.FieldOrganisationID))
}
