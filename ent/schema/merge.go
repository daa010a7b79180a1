package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
)

// Merge is a branch that is to be merged into another: a place in the project's queue,
// and what came of it.
type Merge struct{ ent.Schema }

func (Merge) Mixin() []ent.Mixin { return []ent.Mixin{node{prefix: "mrg"}} }

func (Merge) Fields() []ent.Field {
	return []ent.Field{
		parentID("project"),
		parentID("user"),
		optionalID("agent"),
		optionalID("run"),
		field.String("source").Immutable().Comment("the branch that is merged"),
		field.String("target").Immutable().Comment("the branch that it is merged into"),
		field.String("message").Default("").Immutable().Comment("the commit's; empty for one that says what is merged"),
		field.Enum("state").GoType(enum.MergeState("")),
		field.String("base").Default("").Comment("the commit where the branches part, when it was last tried"),
		field.String("ours").Default("").Comment("the target's commit then"),
		field.String("theirs").Default("").Comment("the source's commit then"),
		field.String("result").Default("").Comment("the commit that the target was at when it had the source"),
		field.String("error").Default("").Comment("why it failed, for people"),
		field.Bytes("conflicts").Optional().Sensitive().Comment("JSON: what git could not merge"),
		field.Int64("epoch").Default(0).Comment("rises with every claim; a write with an older one is refused"),
		field.String("lease_owner").Default(""),
		field.Int64("lease_until").Default(0).Comment("milliseconds by the database's clock; 0 when nobody holds it"),
		field.Int("attempts").Default(0).Comment("claims since it was last queued"),
		field.Time("started_at").Optional().Nillable(),
		field.Time("finished_at").Optional().Nillable(),
	}
}

func (Merge) Edges() []ent.Edge {
	return []ent.Edge{
		belongsTo("project", Project.Type),
		belongsTo("user", User.Type),
		mayHave("agent", Agent.Type),
		mayHave("run", Run.Type),
	}
}

func (Merge) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("project_id"),
		index.Fields("run_id"),
		// One is under way in a project; the others wait for it.
		index.Fields("project_id").Unique().StorageKey("merge_under_way").
			Annotations(entsql.IndexWhere("state = 'MERGING'")),
		index.Fields("state").StorageKey("merge_waiting").
			Annotations(entsql.IndexWhere("state <> 'MERGED' AND state <> 'FAILED' AND state <> 'CANCELLED'")),
	}
}

func (Merge) Policy() ent.Policy { return access.Policy() }
