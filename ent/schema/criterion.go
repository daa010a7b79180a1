package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
)

// Criterion is one thing that has to be shown before its task counts as done, and what
// shows it.
type Criterion struct{ ent.Schema }

func (Criterion) Mixin() []ent.Mixin { return []ent.Mixin{node{prefix: "crt"}} }

func (Criterion) Fields() []ent.Field {
	return []ent.Field{
		parentID("project"),
		parentID("task"),
		field.Int("position").Immutable().Comment("1, 2, 3 … in its task"),
		field.Text("text").Immutable(),
		field.Enum("state").GoType(enum.CriterionState("")),
		field.String("run_id").Default("").Comment("the run that showed it"),
		field.String("command_id").Default("").Comment("the command that shows it; empty where something else does"),
		field.Text("command").Default("").Comment("what it ran, as a line for people"),
		field.Int("exit_code").Default(0),
		field.String("output_digest").Default("").Comment("SHA-256 of what it printed"),
		field.JSON("files", map[string]string{}).Optional().Comment("files that show it, by their content's revision"),
		field.Text("note").Default("").Comment("what was found, in the agent's or a person's words"),
		field.String("tree").Default("").Comment("the revision of all files with which it was shown"),
		field.Text("problem").Default("").Comment("why what shows it counts no more; empty unless it is STALE"),
		field.String("checked_tree").Default("").Comment("the revision of all files of main with which it was looked at once more"),
		field.String("check_id").Default("").Comment("the command that shows it once more, on main"),
		field.Time("shown_at").Optional().Nillable(),
	}
}

func (Criterion) Edges() []ent.Edge {
	return []ent.Edge{
		belongsTo("project", Project.Type),
		belongsTo("task", Task.Type),
	}
}

func (Criterion) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("task_id", "position").Unique(),
		index.Fields("project_id"),
	}
}

func (Criterion) Policy() ent.Policy { return access.Policy() }
