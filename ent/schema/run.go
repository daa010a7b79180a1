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
		field.String("tier").Default("").Immutable().Comment("quick or complex where the user wished for such an answer; else empty"),
		field.String("branch").Default("").Immutable().Comment("the branch whose files it works on; empty for main"),
		field.Int("step").Default(0).Comment("steps finished"),
		field.Int64("epoch").Default(0).Comment("rises with every claim; a write with an older one is refused"),
		field.String("lease_owner").Default(""),
		field.Int64("lease_until").Default(0).Comment("milliseconds by the database's clock; 0 when nobody holds it"),
		field.Int("takeovers").Default(0).Comment("claims of an expired lease since the last finished step"),
		field.Int64("step_until").Default(0).Comment("when the step under way is given up: milliseconds by the database's clock; 0 between steps"),
		field.Int64("deadline_at").Default(0).Comment("when the state times out: milliseconds by the database's clock; 0 once it has ended"),
		field.Int("priority").Default(0).Immutable().Comment("1 for a run that interrupted another: its turn is next"),
		field.Bool("cancel_requested").Default(false),
		field.Bool("pause_requested").Default(false),
		field.Bool("steer_requested").Default(false).Comment("there are messages for it that its model has not seen"),
		optionalID("parent"),
		field.String("task_id").Default("").Immutable().Comment("the task that it works on; empty where there is none"),
		field.String("call_id").Default("").Immutable().Comment("the call of the run above that asked, and waits for its answer; empty where there is none"),
		field.String("root_id").Default("").Immutable().Comment("the run at the top of its tree, which a person asked for; empty for that one"),
		field.Int("depth").Default(0).Immutable().Comment("how many runs are above it"),
		field.String("retried_from_id").Optional().Nillable().Immutable().Comment("the run that this one tries again"),
		field.Int64("input_tokens").Default(0),
		field.Int64("output_tokens").Default(0),
		field.String("error").Default("").Comment("why it failed, for people"),
		field.String("verification").Default("").Comment("how far what it claims is shown; empty until it has ended, and where there is nothing to show"),
		field.Strings("gaps").Optional().Comment("what is not shown, for people"),
		field.Time("waits_until").Optional().Nillable().Comment("when a used-up quota is there again for which its worker waits"),
		field.String("waits_for").Default("").Comment("whose quota, for people"),
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
		edge.To("children", Run.Type).Annotations(entsql.OnDelete(entsql.SetNull)).
			From("parent").Unique().Immutable().Field("parent_id"),
		edge.To("retries", Run.Type).Annotations(entsql.OnDelete(entsql.SetNull)).
			From("retried_from").Unique().Immutable().Field("retried_from_id"),
	}
}

func (Run) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("project_id"),
		// Written with <>, since PostgreSQL rewrites an IN into something that looks like a change forever after.
		index.Fields("conversation_id").Unique().StorageKey("run_active_conversation").
			Annotations(entsql.IndexWhere("state <> 'QUEUED' AND state <> 'SUCCEEDED' AND state <> 'FAILED' AND state <> 'CANCELLED'")),
		index.Fields("conversation_id", "state"),
		index.Fields("lease_until").StorageKey("run_lease").
			Annotations(entsql.IndexWhere("lease_until > 0")),
		index.Fields("deadline_at").StorageKey("run_deadline").
			Annotations(entsql.IndexWhere("deadline_at > 0")),
		index.Fields("project_id").StorageKey("run_held").
			Annotations(entsql.IndexWhere("step_until > 0")),
		index.Fields("retried_from_id").Unique(),
		index.Fields("parent_id"),
		// The few that people and workers still care about, among all that there ever were.
		index.Fields("state").StorageKey("run_unended").
			Annotations(entsql.IndexWhere("state <> 'SUCCEEDED' AND state <> 'FAILED' AND state <> 'CANCELLED'")),
	}
}

func (Run) Policy() ent.Policy { return access.Policy() }
