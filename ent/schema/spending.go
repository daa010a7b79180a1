package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/zeblit/zeblit/internal/access"
)

// Spending is what is spent and reserved of a budget in one of its periods. It is
// written only with the budget's row locked.
type Spending struct{ ent.Schema }

func (Spending) Mixin() []ent.Mixin { return []ent.Mixin{node{prefix: "spn"}} }

func (Spending) Fields() []ent.Field {
	return []ent.Field{
		parentID("budget"),
		field.String("period").Immutable().Comment("which of the budget's periods: 2026-01-31, 2026-01, a run's id, or empty for all time"),
		field.Int64("spent").Comment("nano-dollars: the sum of the records"),
		field.Int64("reserved").Default(0).Comment("nano-dollars: the sum of the open reservations"),
		field.Int("warned").Default(0).Comment("the highest level that was told of, in percent"),
	}
}

func (Spending) Edges() []ent.Edge {
	return []ent.Edge{belongsTo("budget", Budget.Type)}
}

func (Spending) Indexes() []ent.Index {
	return []ent.Index{index.Fields("budget_id", "period").Unique()}
}

func (Spending) Annotations() []schema.Annotation {
	return []schema.Annotation{entsql.Checks(map[string]string{"spending_positive": "spent >= 0 AND reserved >= 0"})}
}

func (Spending) Policy() ent.Policy { return access.Policy() }
