// Package schema defines the entities. Everything else below ent/ is generated
// from it; `make generate` does so and makes the migrations.
package schema

import (
	"time"

	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/mixin"

	"github.com/zeblit/zeblit/internal/relay"
)

// node gives an entity its global id and the time of its creation.
type node struct {
	mixin.Schema
	prefix string
}

func (n node) Fields() []ent.Field {
	return []ent.Field{
		field.String("id").
			DefaultFunc(func() string { return relay.NewID(n.prefix) }).
			Immutable(),
		field.Time("created_at").Default(now).Immutable(),
	}
}

// now has the precision that both databases and the API keep.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// belongsTo is a required, fixed foreign key; the row goes when its parent goes.
func belongsTo(name string, parent any) ent.Edge {
	return edge.To(name, parent).Unique().Required().Immutable().Field(name + "_id").
		Annotations(entsql.OnDelete(entsql.Cascade))
}

// goesWith is an optional, fixed foreign key; the row goes when the one it names goes.
func goesWith(name string, parent any) ent.Edge {
	return edge.To(name, parent).Unique().Immutable().Field(name + "_id").
		Annotations(entsql.OnDelete(entsql.Cascade))
}

// mayHave is an optional foreign key, emptied when the row it names goes.
func mayHave(name string, parent any) ent.Edge {
	return edge.To(name, parent).Unique().Immutable().Field(name + "_id").
		Annotations(entsql.OnDelete(entsql.SetNull))
}

func parentID(name string) ent.Field { return field.String(name + "_id").Immutable() }

func optionalID(name string) ent.Field {
	return field.String(name + "_id").Optional().Nillable().Immutable()
}
