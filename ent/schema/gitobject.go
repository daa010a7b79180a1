package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/zeblit/zeblit/internal/access"
)

// GitObject is an object of a project's repository: a commit, a tree or a blob.
type GitObject struct{ ent.Schema }

func (GitObject) Fields() []ent.Field {
	return []ent.Field{
		parentID("project"),
		field.String("hash").Immutable(),
		field.Int8("kind").Immutable().Comment("git's object type number"),
		field.Int64("size").Immutable().Comment("bytes, inflated"),
		field.Time("created_at").Optional().Nillable().Default(now).Immutable().Comment("null: before this was noted"),
		field.Bytes("data").Immutable().Comment("deflated"),
	}
}

func (GitObject) Edges() []ent.Edge {
	return []ent.Edge{
		belongsTo("project", Project.Type),
	}
}

func (GitObject) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("project_id", "hash").Unique(),
	}
}

func (GitObject) Policy() ent.Policy { return access.Policy() }
