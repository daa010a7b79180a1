package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
)

// Plan is what the manager made of a request: tasks, and what comes before what.
type Plan struct{ ent.Schema }

func (Plan) Mixin() []ent.Mixin { return []ent.Mixin{node{prefix: "pln"}} }

func (Plan) Fields() []ent.Field {
	return []ent.Field{
		parentID("project"),
		parentID("run"),
		parentID("user"),
		field.Text("summary").Immutable(),
		field.Enum("state").GoType(enum.PlanState("")),
		field.String("call_id").Default("").Comment("the tool call of the run that waits for the plan; empty when none does"),
		field.String("check_tree").Default("").Comment("the revision of main with which criteria are being looked at once more; empty while none are"),
		field.Int64("version").Default(0).Comment("rises with every move; also the row that orders those who move it"),
		field.Time("finished_at").Optional().Nillable(),
	}
}

func (Plan) Edges() []ent.Edge {
	return []ent.Edge{
		belongsTo("project", Project.Type),
		belongsTo("run", Run.Type),
		belongsTo("user", User.Type),
	}
}

func (Plan) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("project_id"),
		index.Fields("run_id").Unique(),
		index.Fields("state").StorageKey("plan_open").
			Annotations(entsql.IndexWhere("state <> 'DONE' AND state <> 'CANCELLED'")),
	}
}

func (Plan) Policy() ent.Policy { return access.Policy() }
