package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/zeblit/zeblit/internal/access"
)

// Checkpoint is a branch's files and a conversation as they were before something
// changed them.
type Checkpoint struct{ ent.Schema }

func (Checkpoint) Mixin() []ent.Mixin { return []ent.Mixin{node{prefix: "chk"}} }

func (Checkpoint) Fields() []ent.Field {
	return []ent.Field{
		parentID("project"),
		optionalID("conversation"),
		optionalID("run"),
		optionalID("tool_call"),
		field.String("branch").Default("").Immutable().Comment("empty is main"),
		field.String("hash").Default("").Immutable().Comment("the commit that has the files, which a hidden ref keeps; empty when there were none"),
		field.Int("position").Default(0).Immutable().Comment("the conversation's messages before this one were there"),
		field.JSON("retracted", [][2]int{}).Optional().Immutable().Comment("of those, the ranges of positions that were out of the context"),
		field.String("reason").Immutable().Comment("for people"),
	}
}

func (Checkpoint) Edges() []ent.Edge {
	return []ent.Edge{
		belongsTo("project", Project.Type),
		mayHave("conversation", Conversation.Type),
		mayHave("run", Run.Type),
		mayHave("tool_call", ToolCall.Type),
	}
}

func (Checkpoint) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("project_id"),
		index.Fields("run_id"),
		index.Fields("conversation_id"),
		index.Fields("tool_call_id"),
	}
}

func (Checkpoint) Policy() ent.Policy { return access.Policy() }
