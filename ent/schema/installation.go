package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"

	"github.com/zeblit/zeblit/internal/access"
)

// Installation names the database as a whole: all nodes on it share its one row.
type Installation struct{ ent.Schema }

func (Installation) Mixin() []ent.Mixin { return []ent.Mixin{node{prefix: "ins"}} }

func (Installation) Fields() []ent.Field {
	return []ent.Field{
		field.Int("single").Unique().Immutable().Comment("1 in every row, so that there is one at most"),
	}
}

func (Installation) Annotations() []schema.Annotation {
	return []schema.Annotation{entsql.Checks(map[string]string{"one_installation": "single = 1"})}
}

func (Installation) Policy() ent.Policy { return access.Policy() }
