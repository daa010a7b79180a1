package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
)

// Budget is how much the calls of a scope may cost in each of its periods. Its row is
// what orders all who reserve from it.
type Budget struct{ ent.Schema }

func (Budget) Mixin() []ent.Mixin { return []ent.Mixin{node{prefix: "bgt"}} }

func (Budget) Fields() []ent.Field {
	return []ent.Field{
		field.Enum("scope").GoType(enum.BudgetScope("")).Immutable(),
		field.Enum("period").GoType(enum.BudgetPeriod("")).Immutable(),
		field.String("subject").Immutable().Comment("scope and ids in one word, which a call's budgets are found by"),
		optionalID("organisation"),
		optionalID("project"),
		optionalID("user"),
		optionalID("agent"),
		optionalID("run"),
		field.Int64("limit_nano").Comment("nano-dollars"),
		optionalID("created_by"),
		field.Time("updated_at").Default(now),
	}
}

func (Budget) Edges() []ent.Edge {
	return []ent.Edge{
		goesWith("organisation", Organisation.Type),
		goesWith("project", Project.Type),
		goesWith("user", User.Type),
		goesWith("agent", Agent.Type),
		goesWith("run", Run.Type),
		mayHave("created_by", User.Type),
	}
}

func (Budget) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("subject", "period").Unique(),
		index.Fields("project_id"),
		index.Fields("organisation_id"),
		index.Fields("run_id"),
	}
}

func (Budget) Annotations() []schema.Annotation {
	return []schema.Annotation{entsql.Checks(map[string]string{"budget_limit": "limit_nano > 0"})}
}

func (Budget) Policy() ent.Policy { return access.Policy() }
