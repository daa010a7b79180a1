package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/zeblit/zeblit/internal/access"
)

// Worktree is what a branch's folder in the sandbox holds beside the branch's files.
type Worktree struct{ ent.Schema }

func (Worktree) Fields() []ent.Field {
	return []ent.Field{
		parentID("project"),
		field.String("branch").Immutable().Comment("without refs/heads/"),
		field.String("tip").Default("").Comment("the commit whose files it had when it was last looked at"),
		field.Int("generation").Default(0).Comment("of the sandbox in which that was"),
		field.String("untracked").Default("").Comment("the tree of the files that .gitignore keeps out; empty when there are none"),
		field.String("held").Optional().Nillable().Comment("the tree of those that the sandbox has: another than untracked while it is to get that; null where this isn't known, which is taken for the same"),
	}
}

func (Worktree) Edges() []ent.Edge { return []ent.Edge{belongsTo("project", Project.Type)} }

func (Worktree) Indexes() []ent.Index {
	return []ent.Index{index.Fields("project_id", "branch").Unique()}
}

func (Worktree) Policy() ent.Policy { return access.Policy() }
