package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/zeblit/zeblit/internal/access"
)

// Reservation is a call of a model under way and the most that it can cost. It goes when
// the call is settled. Its run can't go before it.
type Reservation struct{ ent.Schema }

func (Reservation) Mixin() []ent.Mixin { return []ent.Mixin{node{prefix: "rsv"}} }

func (Reservation) Fields() []ent.Field {
	return []ent.Field{
		parentID("run"),
		parentID("root_run"),
		field.Int64("epoch").Immutable().Comment("the run's, of the worker that calls"),
		field.Int("step").Immutable(),
		field.Int("attempt").Immutable(),
		field.String("provider").Immutable(),
		field.String("model").Immutable(),
		field.String("reason").Default("").Immutable(),
		field.String("price_as_of").Default("").Immutable(),
		field.Int64("amount").Immutable().Comment("nano-dollars"),
		field.Int64("input_tokens").Immutable().Comment("the most that it can read"),
		field.Int64("output_tokens").Immutable().Comment("the most that it can write"),
		field.Strings("spendings").Immutable().Comment("the ids of the spendings that hold the amount"),
	}
}

func (Reservation) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("run", Run.Type).Unique().Required().Immutable().Field("run_id").
			Annotations(entsql.OnDelete(entsql.NoAction)),
	}
}

func (Reservation) Indexes() []ent.Index {
	return []ent.Index{index.Fields("run_id")}
}

func (Reservation) Policy() ent.Policy { return access.Policy() }
