package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
)

// Question is what an agent asks the people of a project, and waits for.
type Question struct{ ent.Schema }

func (Question) Mixin() []ent.Mixin { return []ent.Mixin{node{prefix: "qst"}} }

func (Question) Fields() []ent.Field {
	return []ent.Field{
		parentID("project"),
		parentID("conversation"),
		parentID("run"),
		optionalID("tool_call"),
		parentID("agent"),
		field.Text("text").Immutable(),
		field.Strings("choices").Optional().Immutable(),
		field.Bool("allow_other").Default(false).Immutable().Comment("whether an answer may be none of the choices"),
		field.String("fallback").Default("").Immutable().Comment("what holds when nobody answers in time; empty for nothing"),
		field.String("stop_answer").Default("").Immutable().Comment("the answer that ends the run; empty for none"),
		field.Time("deadline_at"),
		field.Enum("state").GoType(enum.QuestionState("")),
		field.Text("answer").Default(""),
		field.String("answered_by_id").Optional().Nillable(),
		field.Time("answered_at").Optional().Nillable(),
	}
}

func (Question) Edges() []ent.Edge {
	return []ent.Edge{
		belongsTo("project", Project.Type),
		belongsTo("conversation", Conversation.Type),
		belongsTo("run", Run.Type),
		goesWith("tool_call", ToolCall.Type),
		belongsTo("agent", Agent.Type),
		edge.To("answered_by", User.Type).Unique().Field("answered_by_id").Annotations(entsql.OnDelete(entsql.SetNull)),
	}
}

func (Question) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("project_id"),
		index.Fields("conversation_id"),
		index.Fields("run_id"),
		index.Fields("tool_call_id"),
		index.Fields("deadline_at").StorageKey("question_open").
			Annotations(entsql.IndexWhere("state = 'OPEN'")),
	}
}

func (Question) Policy() ent.Policy { return access.Policy() }
