package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/zeblit/zeblit/internal/access"
)

// ProviderKey is the key of a model provider that an organisation or one of its projects
// brings along. It doesn't change: another key is another row.
type ProviderKey struct{ ent.Schema }

func (ProviderKey) Mixin() []ent.Mixin { return []ent.Mixin{node{prefix: "pky"}} }

func (ProviderKey) Fields() []ent.Field {
	return []ent.Field{
		parentID("organisation"),
		optionalID("project"),
		field.String("subject").Immutable().Comment("the project's id, else the organisation's"),
		field.String("provider").Immutable().Comment("its name among the configured ones"),
		field.Bytes("ciphertext").Sensitive().Immutable().Comment("bound to organisation, project and provider"),
		field.String("hint").Default("").Immutable().Comment("the key's end, which may be shown; empty where that would be too much of it"),
		optionalID("created_by"),
	}
}

func (ProviderKey) Edges() []ent.Edge {
	return []ent.Edge{
		belongsTo("organisation", Organisation.Type),
		goesWith("project", Project.Type),
		mayHave("created_by", User.Type),
	}
}

func (ProviderKey) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("subject", "provider").Unique(),
		index.Fields("organisation_id"),
		index.Fields("project_id"),
	}
}

func (ProviderKey) Policy() ent.Policy { return access.Policy() }
