package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
)

// Task is a piece of work for one agent: of a plan, or made by a person.
type Task struct{ ent.Schema }

func (Task) Mixin() []ent.Mixin { return []ent.Mixin{node{prefix: "tsk"}} }

func (Task) Fields() []ent.Field {
	return []ent.Field{
		parentID("project"),
		optionalID("plan"),
		optionalID("author"),
		field.String("agent_id").Comment("who is to do it"),
		field.String("title"),
		field.Text("description").Default(""),
		field.Enum("priority").GoType(enum.TaskPriority("")).Default(string(enum.TaskMedium)),
		field.Enum("state").GoType(enum.TaskState("")),
		field.Int("position").Comment("its place on the board"),
		field.JSON("depends_on", []string{}).Optional().Comment("the tasks that have to be completed before"),
		field.Int("attempts").Default(0).Comment("runs that were begun for it"),
		field.String("conversation_id").Default("").Comment("where its agent works; empty until it begins"),
		field.String("run_id").Default("").Comment("its last run; empty until it begins"),
		field.Text("result").Default("").Comment("what its agent reported in the end"),
		field.Text("problem").Default("").Comment("what is in its way, or went wrong last"),
		field.Time("started_at").Optional().Nillable(),
		field.Time("finished_at").Optional().Nillable(),
		field.Time("updated_at").Default(now),
	}
}

func (Task) Edges() []ent.Edge {
	return []ent.Edge{
		belongsTo("project", Project.Type),
		goesWith("plan", Plan.Type),
		mayHave("author", User.Type),
	}
}

func (Task) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("project_id", "position"),
		index.Fields("plan_id"),
		index.Fields("run_id"),
		index.Fields("conversation_id"),
		index.Fields("state").StorageKey("task_open").
			Annotations(entsql.IndexWhere("state <> 'COMPLETED' AND state <> 'CANCELLED'")),
	}
}

func (Task) Policy() ent.Policy { return access.Policy() }
