package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/zeblit/zeblit/internal/access"
)

// GitRef is a branch of a project's repository, moved by compare-and-swap.
type GitRef struct{ ent.Schema }

func (GitRef) Fields() []ent.Field {
	return []ent.Field{
		parentID("project"),
		field.String("name").Immutable().Comment("refs/heads/main"),
		field.String("hash"),
		field.Int64("size").Default(0).Comment("bytes of all files at the tip"),
		field.Int("files").Default(-1).Comment("how many files are at the tip; -1: not counted yet"),
	}
}

func (GitRef) Edges() []ent.Edge {
	return []ent.Edge{
		belongsTo("project", Project.Type),
	}
}

func (GitRef) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("project_id", "name").Unique(),
	}
}

func (GitRef) Policy() ent.Policy { return access.Policy() }
