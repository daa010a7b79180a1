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

// Approval is a question to people: may an agent make this call? Its run waits for the
// answer, without a worker.
type Approval struct{ ent.Schema }

func (Approval) Mixin() []ent.Mixin { return []ent.Mixin{node{prefix: "apr"}} }

func (Approval) Fields() []ent.Field {
	return []ent.Field{
		parentID("project"),
		parentID("run"),
		parentID("tool_call"),
		parentID("agent"),
		field.Enum("class").GoType(enum.CallClass("")).Immutable().Comment("the gravest of what the call does"),
		field.Enum("risk").GoType(enum.Risk("")).Immutable(),
		field.String("tool").Immutable(),
		field.Text("shown").Immutable().Comment("the exact command, or the diff"),
		field.Text("rule").Immutable().Comment("the rule that asked, in words"),
		field.Text("reason").Default("").Immutable().Comment("what is risky about the call, in words"),
		field.String("subject").Immutable().Comment("the same for all calls that the answer may cover"),
		field.Time("expires_at").Immutable().Comment("after which it is denied"),
		field.Enum("state").GoType(enum.ApprovalState("")).Default(string(enum.ApprovalPending)),
		field.Enum("remember").GoType(enum.ApprovalScope("")).Default(string(enum.ApprovedOnce)),
		field.Time("until").Optional().Nillable().Comment("when an approval for the project ends"),
		field.String("decided_by_id").Optional().Nillable(),
		field.Time("decided_at").Optional().Nillable(),
		field.Text("comment").Default(""),
	}
}

func (Approval) Edges() []ent.Edge {
	return []ent.Edge{
		belongsTo("project", Project.Type),
		belongsTo("run", Run.Type),
		belongsTo("tool_call", ToolCall.Type),
		belongsTo("agent", Agent.Type),
		edge.To("decided_by", User.Type).Unique().Field("decided_by_id").Annotations(entsql.OnDelete(entsql.SetNull)),
	}
}

func (Approval) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("project_id", "subject"),
		index.Fields("run_id"),
		index.Fields("tool_call_id").Unique(),
		index.Fields("expires_at").StorageKey("approval_pending").
			Annotations(entsql.IndexWhere("state = 'PENDING'")),
	}
}

func (Approval) Policy() ent.Policy { return access.Policy() }
