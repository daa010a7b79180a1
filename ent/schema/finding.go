package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
)

// Finding is a flaw of a branch's files, from when it was first seen. The same flaw seen
// again is the same finding.
type Finding struct{ ent.Schema }

func (Finding) Mixin() []ent.Mixin { return []ent.Mixin{node{prefix: "fnd"}} }

func (Finding) Fields() []ent.Field {
	return []ent.Field{
		parentID("project"),
		optionalID("run"),
		optionalID("agent"),
		field.String("branch").Immutable(),
		field.String("fingerprint").Immutable().Comment("equal for the same flaw; see package security"),
		field.Enum("check").GoType(enum.SecurityCheck("")).Immutable().StorageKey("found_by"),
		field.String("rule").Immutable(),
		field.String("title"),
		field.String("file").Immutable(),
		field.Int("line"),
		field.Enum("severity").GoType(enum.Severity("")),
		field.Text("evidence").Comment("the line, without secrets"),
		field.Text("remedy"),
		field.Int("cwe").Default(0),
		field.String("revision").Comment("the commit where it was last seen"),
		field.Enum("state").GoType(enum.FindingState("")),
		field.Text("reason").Default("").Comment("why it was dismissed"),
		field.String("decided_by_id").Optional().Nillable().Comment("who dismissed it, or opened it again"),
		field.Time("seen_at").Comment("when it was last seen"),
	}
}

func (Finding) Edges() []ent.Edge {
	return []ent.Edge{
		belongsTo("project", Project.Type),
		mayHave("run", Run.Type),
		mayHave("agent", Agent.Type),
	}
}

func (Finding) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("project_id", "branch", "fingerprint").Unique(),
		index.Fields("project_id", "state"),
		index.Fields("run_id"),
	}
}

func (Finding) Policy() ent.Policy { return access.Policy() }
