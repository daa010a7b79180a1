package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
)

// SecurityScan is one look at a branch's files, and what was not looked at.
type SecurityScan struct{ ent.Schema }

func (SecurityScan) Mixin() []ent.Mixin { return []ent.Mixin{node{prefix: "scn"}} }

func (SecurityScan) Fields() []ent.Field {
	return []ent.Field{
		parentID("project"),
		optionalID("run"),
		field.String("branch").Immutable(),
		field.String("revision").Immutable().Comment("the commit; empty in an empty project"),
		field.JSON("checks", []enum.SecurityCheck{}).Immutable(),
		field.JSON("not_assessed", [][3]string{}).Optional().Immutable().Comment("check, subject, reason"),
		field.String("advisories_date").Immutable(),
		field.Int("files").Immutable(),
		field.Int("skipped").Immutable(),
	}
}

func (SecurityScan) Edges() []ent.Edge {
	return []ent.Edge{
		belongsTo("project", Project.Type),
		mayHave("run", Run.Type),
	}
}

func (SecurityScan) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("project_id", "branch", "id"),
		index.Fields("run_id"),
	}
}

func (SecurityScan) Policy() ent.Policy { return access.Policy() }
