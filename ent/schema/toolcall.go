package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
)

// ToolCall is one use of a tool by an agent, recorded before it runs.
type ToolCall struct{ ent.Schema }

func (ToolCall) Mixin() []ent.Mixin { return []ent.Mixin{node{prefix: "tcl"}} }

func (ToolCall) Fields() []ent.Field {
	return []ent.Field{
		parentID("project"),
		parentID("run"),
		parentID("message"),
		field.Int("position").Immutable().Comment("0, 1, 2 … in its message"),
		field.String("call_id").Immutable().Comment("the vendor's id of the call"),
		field.String("name").Immutable(),
		field.Text("input").Immutable().Comment("a JSON object, as the model wrote it"),
		field.Text("output").Default(""),
		field.Enum("state").GoType(enum.ToolCallState("")),
		field.Time("started_at").Optional().Nillable(),
		field.Time("finished_at").Optional().Nillable(),
	}
}

func (ToolCall) Edges() []ent.Edge {
	return []ent.Edge{
		belongsTo("project", Project.Type),
		belongsTo("run", Run.Type),
		belongsTo("message", Message.Type),
	}
}

func (ToolCall) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("message_id", "position").Unique(),
		index.Fields("run_id"),
		index.Fields("project_id"),
	}
}

func (ToolCall) Policy() ent.Policy { return access.Policy() }
