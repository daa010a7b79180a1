package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"

	"github.com/zeblit/zeblit/internal/access"
)

// SigningKey signs access tokens on every node. The newest that isn't retired signs; all that are kept verify.
type SigningKey struct{ ent.Schema }

func (SigningKey) Mixin() []ent.Mixin { return []ent.Mixin{node{prefix: "sgk"}} }

func (SigningKey) Fields() []ent.Field {
	return []ent.Field{
		field.Bytes("public_key").Immutable(),
		field.Bytes("private_key").Sensitive().Comment("wrapped when wrapped is true"),
		field.Bool("wrapped").Default(false),
		field.Time("retired_at").Optional().Nillable(),
	}
}

func (SigningKey) Policy() ent.Policy { return access.Policy() }
