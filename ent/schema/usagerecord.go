package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
)

// UsageRecord is one call of a model and what it cost. created_at is when the call
// began, which decides the day and the month it belongs to. Except for the organisation
// its ids are no foreign keys: what was spent stays known when a project is deleted.
type UsageRecord struct{ ent.Schema }

func (UsageRecord) Mixin() []ent.Mixin { return []ent.Mixin{node{prefix: "usg"}} }

func (UsageRecord) Fields() []ent.Field {
	return []ent.Field{
		parentID("organisation"),
		parentID("project"),
		parentID("run"),
		field.String("root_run_id").Immutable().Comment("the run that a person asked for: what a child of it costs counts for it"),
		optionalID("conversation"),
		parentID("agent"),
		field.String("user_id").Immutable().Comment("whose message the run answers"),
		field.Int("step").Immutable(),
		field.Int("attempt").Immutable().Comment("1, 2, 3 … within the step of one worker"),
		field.String("provider").Immutable(),
		field.String("model").Immutable().Comment("as it was asked for"),
		field.Int64("input_tokens").Default(0).Immutable().Comment("without those of the cache"),
		field.Int64("output_tokens").Default(0).Immutable().Comment("with reasoning"),
		field.Int64("cache_read_tokens").Default(0).Immutable(),
		field.Int64("cache_write_tokens").Default(0).Immutable(),
		field.Int64("reasoning_tokens").Default(0).Immutable(),
		field.Int64("cost").Optional().Nillable().Immutable().Comment("nano-dollars; null: the model has no price"),
		field.String("price_as_of").Default("").Immutable().Comment("the day on which the price was right"),
		field.Bool("estimated").Default(false).Immutable().Comment("the vendor didn't say what it bills: this is no less"),
		field.Int64("latency").Default(0).Immutable().Comment("milliseconds until the call ended"),
		field.Int64("first_token").Optional().Nillable().Immutable().Comment("milliseconds until the first text; null: there was none"),
		field.Enum("outcome").GoType(enum.CallOutcome("")).Immutable(),
		field.String("reason").Default("").Immutable().Comment("why this model was chosen"),
	}
}

func (UsageRecord) Edges() []ent.Edge {
	return []ent.Edge{belongsTo("organisation", Organisation.Type)}
}

func (UsageRecord) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("project_id", "created_at"),
		index.Fields("organisation_id", "created_at"),
		index.Fields("user_id", "created_at"),
		index.Fields("created_at"),
		index.Fields("run_id"),
		index.Fields("root_run_id"),
	}
}

func (UsageRecord) Policy() ent.Policy { return access.Policy() }
