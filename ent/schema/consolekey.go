package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/zeblit/zeblit/internal/access"
)

// ConsoleKey is what a project's pages report their console with. It is public: it stands
// in pages that anybody may load, opens nothing but that one door, and so is kept as it
// is, to be shown again. A project has one at most; another key is another row.
type ConsoleKey struct{ ent.Schema }

func (ConsoleKey) Mixin() []ent.Mixin { return []ent.Mixin{node{prefix: "csk"}} }

func (ConsoleKey) Fields() []ent.Field {
	return []ent.Field{
		parentID("project"),
		field.String("key").Unique().Immutable(),
		optionalID("created_by"),
	}
}

func (ConsoleKey) Edges() []ent.Edge {
	return []ent.Edge{
		belongsTo("project", Project.Type),
		mayHave("created_by", User.Type),
	}
}

func (ConsoleKey) Indexes() []ent.Index {
	return []ent.Index{index.Fields("project_id").Unique()}
}

func (ConsoleKey) Policy() ent.Policy { return access.Policy() }
