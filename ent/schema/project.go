package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/zeblit/zeblit/internal/access"
)

// Project is what people and agents work in together: its conversations, its files, its stream of events.
type Project struct{ ent.Schema }

func (Project) Mixin() []ent.Mixin { return []ent.Mixin{node{prefix: "prj"}} }

func (Project) Fields() []ent.Field {
	return []ent.Field{
		parentID("organisation"),
		parentID("owner"),
		field.String("name"),
		field.String("description").Default(""),
		field.String("template").Default("").Immutable().Comment("the slug of what it started from; empty: nothing, or it isn't known"),
		field.Bool("plan_approval").Default(false).Comment("whether people have to approve the manager's plans"),
		field.Time("updated_at").Default(now),
		field.Int64("served_at").Default(0).Comment("microseconds since 1970: when a worker last took a run of it, which is what sharing fairly needs"),
	}
}

func (Project) Edges() []ent.Edge {
	return []ent.Edge{
		belongsTo("organisation", Organisation.Type),
		belongsTo("owner", User.Type),
	}
}

func (Project) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("organisation_id"),
		index.Fields("owner_id"),
	}
}

func (Project) Policy() ent.Policy { return access.Policy() }
