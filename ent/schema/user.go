package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"

	"github.com/zeblit/zeblit/internal/access"
)

// User is a person with an account.
type User struct{ ent.Schema }

func (User) Mixin() []ent.Mixin { return []ent.Mixin{node{prefix: "usr"}} }

func (User) Fields() []ent.Field {
	return []ent.Field{
		field.String("email").Unique().Comment("lower case"),
		field.String("name"),
		field.String("password_hash").Sensitive(),
		field.Bool("admin").Default(false).Comment("runs the instance; gives no rights in other people's projects"),
	}
}

func (User) Policy() ent.Policy { return access.Policy() }
