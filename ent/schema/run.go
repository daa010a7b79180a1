package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
)

// Run is an agent's work on one message: a state machine that short jobs advance.
type Run struct{ ent.Schema }

func (Run) Mixin() []ent.Mixin { return []ent.Mixin{node{prefix: "run"}} }

func (Run) Fields() []ent.Field {
	return []ent.Field{
		parentID("project"),
		parentID("conversation"),
		parentID("agent"),
		parentID("user"),
		field.String("message_id").Immutable().Comment("the message that asked for it"),
		field.Enum("state").GoType(enum.RunState("")),
		field.String("model").Default("").Comment("the model wished for; empty for the configured one"),
		field.Int("step").Default(0).Comment("steps finished"),
		field.Int64("epoch").Default(0).Comment("rises with every claim; a write with an older one is refused"),
		field.String("lease_owner").Default(""),
		field.Int64("lease_until").Default(0).Comment("milliseconds by the database's clock; 0 when nobody holds it"),
		field.Int("takeovers").Default(0).Comment("claims of an expired lease since the last finished step"),
		field.Bool("cancel_requested").Default(false),
		field.Int64("input_tokens").Default(0),
		field.Int64("output_tokens").Default(0),
		field.String("error").Default("").Comment("why it failed, for people"),
		field.Time("started_at").Optional().Nillable(),
		field.Time("finished_at").Optional().Nillable(),
	}
}

func (Run) Edges() []ent.Edge {
	return []ent.Edge{
		belongsTo("project", Project.Type),
		belongsTo("conversation", Conversation.Type),
		belongsTo("agent", Agent.Type),
		belongsTo("user", User.Type),
	}
}

func (Run) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("project_id"),
		index.Fields("conversation_id").Unique().StorageKey("run_active_conversation").
			Annotations(entsql.IndexWhere("state in ('RUNNING', 'WAITING_FOR_APPROVAL', 'WAITING_FOR_INPUT', 'PAUSED')")),
		index.Fields("conversation_id", "state"),
		index.Fields("lease_until").StorageKey("run_lease").
			Annotations(entsql.IndexWhere("lease_until > 0")),
	}
}

func (Run) Policy() ent.Policy { return access.Policy() }
