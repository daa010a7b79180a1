package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/zeblit/zeblit/internal/access"
)

// GitPackObject says in which pack an object is.
type GitPackObject struct{ ent.Schema }

func (GitPackObject) Fields() []ent.Field {
	return []ent.Field{
		parentID("project"),
		parentID("pack"),
		field.String("hash").Immutable(),
		field.Int8("kind").Immutable().Comment("git's object type number"),
		field.Int64("size").Immutable().Comment("bytes, inflated"),
		field.Time("created_at").Optional().Nillable().Immutable().Comment("when the object was first written"),
	}
}

func (GitPackObject) Edges() []ent.Edge {
	return []ent.Edge{
		belongsTo("project", Project.Type),
		belongsTo("pack", GitPack.Type),
	}
}

func (GitPackObject) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("project_id", "hash").Unique(),
		index.Fields("pack_id"),
	}
}

func (GitPackObject) Policy() ent.Policy { return access.Policy() }
