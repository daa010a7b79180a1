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

// Message is one turn of a conversation, by a person or an agent.
type Message struct{ ent.Schema }

func (Message) Mixin() []ent.Mixin { return []ent.Mixin{node{prefix: "msg"}} }

func (Message) Fields() []ent.Field {
	return []ent.Field{
		parentID("conversation"),
		parentID("project"),
		optionalID("author"),
		optionalID("agent"),
		field.String("run_id").Optional().Nillable().Comment("the run that made it or that it speaks to; a message that came too late for one gets one of its own"),
		field.Enum("role").GoType(enum.MessageRole("")).Immutable(),
		field.Enum("status").GoType(enum.MessageStatus("")),
		field.Text("text").Default(""),
		field.Int("position").Immutable().Comment("0, 1, 2 … in the conversation"),
		field.Int("step").Default(0).Immutable().Comment("the step of the run that made it"),
		field.Int("seen_step").Optional().Nillable().Comment("the step in which the run's model first saw a message that came while it worked"),
		field.Bool("retracted").Default(false).Comment("out of the conversation's context, since somebody went back to before it"),
		field.String("edits_id").Default("").Immutable().Comment("the message of the same person that it takes the place of; empty: none"),
		field.String("sender_run_id").Default("").Immutable().Comment("the run whose agent says it to another run's; empty where a person speaks, or an agent to people"),
		field.String("copy_of_id").Default("").Immutable().Comment("in a fork: the message that it is a copy of, whose tool calls are its own; empty for an original"),
		field.String("turn_id").Default("").Immutable().Comment("of a copy: the run to whose turn the original belongs"),
		field.Bool("demo").Default(false).Immutable().Comment("made by the offline demo model"),
		field.Bytes("carry").Optional().Sensitive().Comment("what the vendor wants back with this message, unread"),
		field.Time("completed_at").Optional().Nillable(),
	}
}

func (Message) Edges() []ent.Edge {
	return []ent.Edge{
		belongsTo("conversation", Conversation.Type),
		belongsTo("project", Project.Type),
		mayHave("author", User.Type),
		mayHave("agent", Agent.Type),
		edge.To("run", Run.Type).Unique().Field("run_id").Annotations(entsql.OnDelete(entsql.SetNull)),
	}
}

func (Message) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("conversation_id", "position").Unique(),
		index.Fields("project_id"),
		index.Fields("run_id"),
		index.Fields("sender_run_id").StorageKey("message_sender").Annotations(entsql.IndexWhere("sender_run_id <> ''")),
	}
}

func (Message) Policy() ent.Policy { return access.Policy() }
