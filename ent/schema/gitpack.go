package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/zeblit/zeblit/internal/access"
)

// GitPack is many objects of a project's repository in one row: a pack as git writes
// it, whose deltas refer to nothing outside it.
type GitPack struct{ ent.Schema }

func (GitPack) Mixin() []ent.Mixin { return []ent.Mixin{node{prefix: "pck"}} }

func (GitPack) Fields() []ent.Field {
	return []ent.Field{
		parentID("project"),
		field.Int("objects").Immutable().Comment("how many it was made of"),
		field.Int64("stored").Immutable().Comment("bytes of data and index"),
		field.Bytes("data").Immutable(),
		field.Bytes("index").Immutable().Comment("its idx file"),
	}
}

func (GitPack) Edges() []ent.Edge {
	return []ent.Edge{
		belongsTo("project", Project.Type),
	}
}

func (GitPack) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("project_id"),
	}
}

func (GitPack) Policy() ent.Policy { return access.Policy() }
