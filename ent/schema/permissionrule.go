package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
)

// PermissionRule is what an organisation or one of its projects lets agents do. It
// doesn't change: another rule is another row.
type PermissionRule struct{ ent.Schema }

func (PermissionRule) Mixin() []ent.Mixin { return []ent.Mixin{node{prefix: "rul"}} }

func (PermissionRule) Fields() []ent.Field {
	return []ent.Field{
		parentID("organisation"),
		optionalID("project"),
		field.Enum("outcome").GoType(enum.PermissionOutcome("")).Immutable(),
		field.Enum("class").GoType(enum.CallClass("")).Optional().Nillable().Immutable(),
		field.String("agent").Default("").Immutable().Comment("a slug; empty for all"),
		field.String("tool").Default("").Immutable().Comment("empty for all"),
		field.String("path").Default("").Immutable().Comment("a glob of files; empty for all"),
		field.String("command").Default("").Immutable().Comment("how a program and its arguments begin; empty for all"),
		field.Time("until").Optional().Nillable().Immutable().Comment("when it ends"),
		optionalID("created_by"),
	}
}

func (PermissionRule) Edges() []ent.Edge {
	return []ent.Edge{
		belongsTo("organisation", Organisation.Type),
		goesWith("project", Project.Type),
		mayHave("created_by", User.Type),
	}
}

func (PermissionRule) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("organisation_id"),
		index.Fields("project_id"),
	}
}

func (PermissionRule) Policy() ent.Policy { return access.Policy() }
