package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"

	"github.com/zeblit/zeblit/internal/access"
)

// Agent is a member of the crew. The built-in ones are written at start from the roster.
type Agent struct{ ent.Schema }

func (Agent) Mixin() []ent.Mixin { return []ent.Mixin{node{prefix: "agt"}} }

func (Agent) Fields() []ent.Field {
	return []ent.Field{
		field.String("slug").Unique().Immutable(),
		field.String("name"),
		field.String("description"),
	}
}

func (Agent) Policy() ent.Policy { return access.Policy() }
