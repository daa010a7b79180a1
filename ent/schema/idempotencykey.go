package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/zeblit/zeblit/internal/access"
)

// IdempotencyKey remembers what a client's keyed request did, so that a repeat does nothing.
type IdempotencyKey struct{ ent.Schema }

func (IdempotencyKey) Fields() []ent.Field {
	return []ent.Field{
		parentID("user"),
		field.String("operation").Immutable(),
		field.String("key").Immutable(),
		field.Bytes("input_hash").Immutable(),
		field.String("result_id").Immutable(),
		field.Time("expires_at").Immutable(),
	}
}

func (IdempotencyKey) Edges() []ent.Edge {
	return []ent.Edge{
		belongsTo("user", User.Type),
	}
}

func (IdempotencyKey) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("user_id", "operation", "key").Unique(),
		index.Fields("expires_at"),
	}
}

func (IdempotencyKey) Policy() ent.Policy { return access.Policy() }
