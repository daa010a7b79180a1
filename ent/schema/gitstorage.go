package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/zeblit/zeblit/internal/access"
)

// GitStorage is what a project's repository takes, counted along with every change.
type GitStorage struct{ ent.Schema }

func (GitStorage) Fields() []ent.Field {
	return []ent.Field{
		parentID("project"),
		field.Int64("bytes").Default(0).Comment("of all objects as they are stored, packed and loose"),
		field.Int("loose").Default(0).Comment("how many objects have a row of their own"),
	}
}

func (GitStorage) Edges() []ent.Edge {
	return []ent.Edge{
		belongsTo("project", Project.Type),
	}
}

func (GitStorage) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("project_id").Unique(),
		index.Fields("loose"),
	}
}

func (GitStorage) Policy() ent.Policy { return access.Policy() }
