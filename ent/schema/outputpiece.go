package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
)

// OutputPiece is a piece of what a command printed.
type OutputPiece struct{ ent.Schema }

func (OutputPiece) Fields() []ent.Field {
	return []ent.Field{
		parentID("project"),
		parentID("command"),
		field.Int64("offset").Immutable().Comment("bytes of all its output before this piece"),
		field.Enum("stream").GoType(enum.OutputStream("")).Immutable(),
		field.Bytes("data").Immutable(),
	}
}

func (OutputPiece) Edges() []ent.Edge {
	return []ent.Edge{
		belongsTo("project", Project.Type),
		belongsTo("command", Command.Type),
	}
}

func (OutputPiece) Indexes() []ent.Index {
	return []ent.Index{index.Fields("command_id", "offset").Unique(), index.Fields("project_id")}
}

func (OutputPiece) Policy() ent.Policy { return access.Policy() }
