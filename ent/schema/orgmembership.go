package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
)

// OrgMembership is a user's place in an organisation.
type OrgMembership struct{ ent.Schema }

func (OrgMembership) Mixin() []ent.Mixin { return []ent.Mixin{node{prefix: "omb"}} }

func (OrgMembership) Fields() []ent.Field {
	return []ent.Field{
		parentID("organisation"),
		parentID("user"),
		field.Enum("role").GoType(enum.OrganisationRole("")),
	}
}

func (OrgMembership) Edges() []ent.Edge {
	return []ent.Edge{
		belongsTo("organisation", Organisation.Type),
		belongsTo("user", User.Type),
	}
}

func (OrgMembership) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("organisation_id", "user_id").Unique(),
		index.Fields("user_id"),
	}
}

func (OrgMembership) Policy() ent.Policy { return access.Policy() }
