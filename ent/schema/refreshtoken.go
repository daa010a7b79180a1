package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/zeblit/zeblit/internal/access"
)

// RefreshToken is one link in a session's chain. Using a spent one revokes the session.
type RefreshToken struct{ ent.Schema }

func (RefreshToken) Mixin() []ent.Mixin { return []ent.Mixin{node{prefix: "rft"}} }

func (RefreshToken) Fields() []ent.Field {
	return []ent.Field{
		parentID("session"),
		field.Bytes("hash").Unique().Sensitive().Immutable().Comment("SHA-256 of the token"),
		field.Time("used_at").Optional().Nillable(),
	}
}

func (RefreshToken) Edges() []ent.Edge {
	return []ent.Edge{
		belongsTo("session", Session.Type),
	}
}

func (RefreshToken) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("session_id"),
	}
}

func (RefreshToken) Policy() ent.Policy { return access.Policy() }
