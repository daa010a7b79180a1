package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/zeblit/zeblit/ent/enum"
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
		field.Enum("kind").GoType(enum.ConversationKind("")).Default(string(enum.ConversationChat)).Immutable(),
		field.String("task_id").Default("").Immutable().Comment("the task that is worked on in it; empty for one between people and agents"),
		field.Int("next_position").Default(0).Comment("the position of the next message; also the row that orders its writers"),
		field.JSON("retracted", [][2]int{}).Optional().Comment("ranges of positions, from and before, whose messages are out of the context"),
		field.String("branch").Default("").Immutable().Comment("the branch that its runs work on; empty is main"),
		field.String("forked_from_id").Default("").Immutable().Comment("the message that it was forked from, which may be gone; empty for one that is no fork"),
		field.Time("updated_at").Default(now),
		field.Time("deleted_at").Optional().Nillable().Comment("set once people have deleted it: its runs stay, as the record of what was done and paid for"),
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
		// The few whose messages nobody may read any more.
		index.Fields("project_id").StorageKey("conversation_deleted").Annotations(entsql.IndexWhere("deleted_at IS NOT NULL")),
	}
}

func (Conversation) Policy() ent.Policy { return access.Policy() }
