package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/zeblit/zeblit/internal/access"
)

// ApiKey is a long-lived credential of a user. Only its hash is kept.
type ApiKey struct{ ent.Schema }

func (ApiKey) Mixin() []ent.Mixin { return []ent.Mixin{node{prefix: "key"}} }

func (ApiKey) Fields() []ent.Field {
	return []ent.Field{
		parentID("user"),
		field.String("name"),
		field.String("prefix").Immutable().Comment("the part that may be shown"),
		field.Bytes("hash").Unique().Sensitive().Immutable().Comment("SHA-256 of the key"),
		field.Time("expires_at").Optional().Nillable().Immutable(),
		field.Time("last_used_at").Optional().Nillable(),
		field.Time("revoked_at").Optional().Nillable(),
	}
}

func (ApiKey) Edges() []ent.Edge {
	return []ent.Edge{
		belongsTo("user", User.Type),
	}
}

func (ApiKey) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("user_id"),
	}
}

func (ApiKey) Policy() ent.Policy { return access.Policy() }
