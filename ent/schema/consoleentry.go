package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
)

// ConsoleEntry is one line of a running app's console, as a browser has reported it.
// Nothing in it can be trusted. It is swept after a day.
type ConsoleEntry struct{ ent.Schema }

func (ConsoleEntry) Mixin() []ent.Mixin { return []ent.Mixin{node{prefix: "cse"}} }

func (ConsoleEntry) Fields() []ent.Field {
	return []ent.Field{
		parentID("project"),
		field.Enum("level").GoType(enum.ConsoleLevel("")).Immutable(),
		field.String("text").Immutable(),
		field.String("stack").Default("").Immutable(),
		field.String("fingerprint").Default("").Immutable().Comment("of errors: equal for those that are one; see package console"),
		field.Bool("uncaught").Default(false).Immutable().Comment("nobody had caught it, rather than console.error was called"),
		field.Int("count").Default(1).Immutable().Comment("how many times in a row"),
		field.String("url").Default("").Immutable().Comment("the script that it came from, else the page"),
		field.Int("line").Default(0).Immutable().Comment("1, 2, 3 …; 0 when it is not known"),
		field.Int("column").Default(0).Immutable(),
		field.String("user_agent").Default("").Immutable(),
		field.String("session").Default("").Immutable().Comment("one for each load of a page, made up there"),
	}
}

func (ConsoleEntry) Edges() []ent.Edge { return []ent.Edge{belongsTo("project", Project.Type)} }

func (ConsoleEntry) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("project_id", "id"),
		index.Fields("project_id", "fingerprint", "id").
			Annotations(entsql.IndexWhere("fingerprint <> ''")),
		index.Fields("created_at"),
	}
}

func (ConsoleEntry) Policy() ent.Policy { return access.Policy() }
