package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"

	"github.com/zeblit/zeblit/internal/access"
)

// Stream is the head of a project's event log; its row orders the log's writers. A head
// below zero says that the log is closed: its project is being deleted.
type Stream struct{ ent.Schema }

func (Stream) Fields() []ent.Field {
	return []ent.Field{
		field.String("id").Immutable().Comment("the project's id"),
		field.Int64("head").Default(0).Comment("the last number given"),
		field.Int64("horizon").Default(0).Comment("numbers up to it are no longer kept whole"),
	}
}

func (Stream) Policy() ent.Policy { return access.Policy() }
