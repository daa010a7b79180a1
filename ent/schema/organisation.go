package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"

	"github.com/zeblit/zeblit/internal/access"
)

// Organisation owns projects; every user has a personal one.
type Organisation struct{ ent.Schema }

func (Organisation) Mixin() []ent.Mixin { return []ent.Mixin{node{prefix: "org"}} }

func (Organisation) Fields() []ent.Field {
	return []ent.Field{
		field.String("name"),
		field.Bool("personal").Default(false).Immutable(),
	}
}

func (Organisation) Policy() ent.Policy { return access.Policy() }
