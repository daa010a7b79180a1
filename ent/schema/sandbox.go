package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
)

// Sandbox is the place where a project's commands run. A worker holds it under a lease.
type Sandbox struct{ ent.Schema }

func (Sandbox) Mixin() []ent.Mixin { return []ent.Mixin{node{prefix: "sbx"}} }

func (Sandbox) Fields() []ent.Field {
	return []ent.Field{
		parentID("project"),
		field.Enum("state").GoType(enum.SandboxState("")),
		field.String("reason").Default("").Comment("why it is in this state, where that says something"),
		field.String("driver").Default(""),
		field.String("place").Default("").Comment("the driver's name for it; empty when there is none"),
		field.String("node").Default("").Comment("the host where its files are"),
		field.Int("generation").Default(0).Comment("how often one was made"),
		field.Enum("wanted").GoType(enum.SandboxWish("")).Default(string(enum.WishNothing)).Comment("what a person asked for; NONE when it is done"),

		field.String("holder").Default("").Comment("the worker that has it running"),
		field.Int64("held_until").Default(0).Comment("milliseconds by the database's clock"),
		field.Int64("used_at").Default(0).Comment("when a command last ran in it: milliseconds by the database's clock"),

		field.Int64("memory_bytes").Default(0),
		field.Int64("disk_bytes").Default(0),
		field.Int64("cpu_micros").Default(0),
		field.Int("processes").Default(0),
		field.Time("sampled_at").Optional().Nillable(),
	}
}

func (Sandbox) Edges() []ent.Edge { return []ent.Edge{belongsTo("project", Project.Type)} }

func (Sandbox) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("project_id").Unique(),
		index.Fields("wanted"),
		index.Fields("holder"),
	}
}

func (Sandbox) Policy() ent.Policy { return access.Policy() }
