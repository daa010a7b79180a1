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

// Event is one entry of a project's log. Package stream writes it.
type Event struct{ ent.Schema }

func (Event) Fields() []ent.Field {
	return []ent.Field{
		field.String("stream_id").Immutable(),
		field.Int64("seq").Immutable().Comment("1, 2, 3 … in the stream, without gaps, in commit order"),
		field.Enum("type").GoType(enum.EventType("")).Immutable(),
		field.String("run_id").Default("").Immutable(),
		field.Bytes("payload").Immutable().Comment("versioned JSON"),
		field.Int64("at").Immutable().Comment("microseconds since 1970, UTC"),
	}
}

func (Event) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("stream", Stream.Type).Unique().Required().Immutable().Field("stream_id").
			Annotations(entsql.OnDelete(entsql.Cascade)),
	}
}

func (Event) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("stream_id", "seq").Unique(),
		index.Fields("run_id", "seq").
			Annotations(entsql.IndexWhere("run_id <> ''")),
		index.Fields("stream_id", "at").StorageKey("event_console").
			Annotations(entsql.IndexWhere("type = 'CONSOLE_OUTPUT'")),
	}
}

func (Event) Policy() ent.Policy { return access.Policy() }
