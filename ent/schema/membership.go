package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
)

// Membership is a user's place in a project.
type Membership struct{ ent.Schema }

func (Membership) Mixin() []ent.Mixin { return []ent.Mixin{node{prefix: "mem"}} }

func (Membership) Fields() []ent.Field {
	return []ent.Field{
		parentID("project"),
		parentID("user"),
		field.Enum("role").GoType(enum.ProjectRole("")),
	}
}

func (Membership) Edges() []ent.Edge {
	return []ent.Edge{
		belongsTo("project", Project.Type),
		belongsTo("user", User.Type),
	}
}

func (Membership) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("project_id", "user_id").Unique(),
		index.Fields("user_id"),
	}
}

func (Membership) Policy() ent.Policy { return access.Policy() }
