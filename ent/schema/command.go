package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
)

// Command is a process in a project's sandbox, from the wish for it to its end.
type Command struct{ ent.Schema }

func (Command) Mixin() []ent.Mixin { return []ent.Mixin{node{prefix: "cmd"}} }

func (Command) Fields() []ent.Field {
	return []ent.Field{
		parentID("project"),
		parentID("user"),
		optionalID("run"),
		optionalID("tool_call"),
		field.String("branch").Immutable(),
		field.String("shell").Immutable().Default("").Comment("a line for sh -c; empty when there is argv"),
		field.Strings("argv").Immutable().Optional(),
		field.String("directory").Immutable().Default("").Comment("below the worktree"),
		field.Strings("environment").Immutable().Optional().Comment("NAME=value"),
		field.Text("stdin").Immutable().Default(""),
		field.Int64("timeout_ms").Immutable(),
		field.Bool("background").Immutable().Default(false),

		field.Enum("state").GoType(enum.CommandState("")),
		field.Int("exit_code").Optional().Nillable(),
		field.String("signal").Default("").Comment("what ended it; empty when it exited"),
		field.Text("note").Default("").Comment("what else is to be said: why it was refused, what of its files was not kept"),
		field.Int64("output_bytes").Default(0).Comment("all that it printed"),
		field.Int64("kept_bytes").Default(0).Comment("what of that is kept"),
		field.String("commit").Default("").Comment("what it changed in the project's files; empty when nothing"),
		field.Int("changed_files").Default(0),
		field.Int("generation").Default(0).Comment("of the sandbox that it ran in"),
		field.String("wanted_signal").Default("").Comment("what a person or an agent asked for; empty when it is sent"),
		field.String("holder").Default("").Comment("the worker that runs it"),
		field.Time("started_at").Optional().Nillable(),
		field.Time("finished_at").Optional().Nillable(),
	}
}

func (Command) Edges() []ent.Edge {
	return []ent.Edge{
		belongsTo("project", Project.Type),
		belongsTo("user", User.Type),
		goesWith("run", Run.Type),
		goesWith("tool_call", ToolCall.Type),
	}
}

func (Command) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("state"),
		index.Fields("project_id"),
		index.Fields("run_id"),
		index.Fields("tool_call_id").Unique(),
	}
}

func (Command) Policy() ent.Policy { return access.Policy() }
