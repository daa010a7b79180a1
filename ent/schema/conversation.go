package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/zeblit/zeblit/internal/access"
)

// Conversation is a thread of messages between people and agents in a project.
type Conversation struct{ ent.Schema }

func (Conversation) Mixin() []ent.Mixin { return []ent.Mixin{node{prefix: "cnv"}} }

func (Conversation) Fields() []ent.Field {
	return []ent.Field{
		parentID("project"),
		optionalID("author"),
		field.String("title"),
		field.Int("next_position").Default(0).Comment("the position of the next message; also the row that orders its writers"),
		field.Time("updated_at").Default(now),
	}
}

func (Conversation) Edges() []ent.Edge {
	return []ent.Edge{
		belongsTo("project", Project.Type),
		mayHave("author", User.Type),
	}
}

func (Conversation) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("project_id"),
	}
}

func (Conversation) Policy() ent.Policy { return access.Policy() }
