package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
)

// DeviceCode is one attempt of a program without a browser to sign in: a person decides on it elsewhere, by its user code.
type DeviceCode struct{ ent.Schema }

func (DeviceCode) Mixin() []ent.Mixin { return []ent.Mixin{node{prefix: "dvc"}} }

func (DeviceCode) Fields() []ent.Field {
	return []ent.Field{
		field.Bytes("hash").Unique().Sensitive().Immutable().Comment("SHA-256 of the device code"),
		field.String("user_code").Unique().Immutable().Comment("as it is shown, WDJB-MJHT"),
		field.String("client_name").Immutable(),
		field.String("user_id").Optional().Nillable().Comment("who decided"),
		field.Enum("decision").GoType(enum.DeviceDecision("")).Optional().Nillable(),
		field.Time("expires_at").Immutable(),
		field.Time("polled_at").Optional().Nillable().Comment("when the device asked last"),
		field.Time("used_at").Optional().Nillable().Comment("when the device got its key"),
	}
}

func (DeviceCode) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("user", User.Type).Unique().Field("user_id").
			Annotations(entsql.OnDelete(entsql.Cascade)),
	}
}

func (DeviceCode) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("user_id"),
		index.Fields("expires_at"),
	}
}

func (DeviceCode) Policy() ent.Policy { return access.Policy() }
