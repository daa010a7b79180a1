// Package servertest is a small schema with scripted resolvers, for the tests of
// the transports. It stands in for generated code: it returns what a test says
// and executes no selection.
package servertest

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// SDL is the schema.
const SDL = `
	directive @note(text: String) repeatable on FIELD | QUERY | FRAGMENT_SPREAD | INLINE_FRAGMENT
	interface Named { name: String! }
	type Tree implements Named { name: String! arg(n: Int): Int child: Tree left: Tree right: Tree named: Named }
	input EchoInput { text: String! n: Int }
	type Query {
		name: String!
		broken: String
		panics: String
		slow: String
		echo(input: EchoInput!): String
		tree: Tree
	}
	type Mutation { rename: String! }
	type Subscription { ticks: String! refused: String! panics: String! }
`

// Schema implements graphql.ExecutableSchema. Its functions must be set before
// it is used; a nil one stands for a fixed answer.
type Schema struct {
	schema *ast.Schema
	// Slow answers `slow`; nil waits for the context.
	Slow func(ctx context.Context) string
	// Ticks is the source of `ticks`. The stream ends with the channel or ctx.
	Ticks func(ctx context.Context) <-chan string
	// Renamed is called by the mutation.
	Renamed func()
}

// New returns the schema and an executor over it.
func New() (*Schema, *executor.Executor) {
	s := &Schema{schema: gqlparser.MustLoadSchema(&ast.Source{Input: SDL})}
	return s, executor.New(s)
}

// Schema implements graphql.ExecutableSchema.
func (s *Schema) Schema() *ast.Schema { return s.schema }

// Complexity implements graphql.ExecutableSchema.
func (s *Schema) Complexity(context.Context, string, string, int, map[string]any) (int, bool) {
	return 0, false
}

// Exec implements graphql.ExecutableSchema.
func (s *Schema) Exec(ctx context.Context) graphql.ResponseHandler {
	operation := graphql.GetOperationContext(ctx)
	field, ok := operation.Operation.SelectionSet[0].(*ast.Field)
	if !ok {
		return data(`{}`)
	}
	if operation.Operation.Operation == ast.Subscription {
		return s.subscribe(ctx, field.Name)
	}
	switch field.Name {
	case "broken":
		return once(func(ctx context.Context) *graphql.Response {
			graphql.AddError(ctx, &gqlerror.Error{Message: "it broke", Path: ast.Path{ast.PathName("broken")}, Extensions: map[string]any{"code": "UNAUTHENTICATED"}})
			return &graphql.Response{Data: []byte(`{"broken":null}`)}
		})
	case "panics":
		return func(context.Context) *graphql.Response { panic("secret detail") }
	case "slow":
		return once(func(context.Context) *graphql.Response {
			if s.Slow != nil {
				return &graphql.Response{Data: object("slow", s.Slow(ctx))}
			}
			<-ctx.Done()
			return &graphql.Response{Data: []byte(`{"slow":null}`)}
		})
	case "echo":
		text := operation.Variables["input"].(map[string]any)["text"].(string)
		return data(string(object("echo", text)))
	case "rename":
		if s.Renamed != nil {
			s.Renamed()
		}
		return data(`{"rename":"new"}`)
	}
	return data(`{"name":"test"}`)
}

func (s *Schema) subscribe(ctx context.Context, field string) graphql.ResponseHandler {
	if field == "refused" {
		graphql.AddError(ctx, errors.New("not for you"))
		return nil
	}
	if field == "panics" {
		return func(context.Context) *graphql.Response { panic("secret detail") }
	}
	ticks := s.Ticks(ctx)
	return func(context.Context) *graphql.Response {
		select {
		case <-ctx.Done():
			return nil
		case tick, open := <-ticks:
			if !open {
				return nil
			}
			return &graphql.Response{Data: object("ticks", tick)}
		}
	}
}

func object(name, value string) []byte {
	out, err := json.Marshal(map[string]string{name: value})
	if err != nil {
		panic(err)
	}
	return out
}

func data(raw string) graphql.ResponseHandler {
	return graphql.OneShot(&graphql.Response{Data: []byte(raw)})
}

func once(answer graphql.ResponseHandler) graphql.ResponseHandler {
	done := false
	return func(ctx context.Context) *graphql.Response {
		if done {
			return nil
		}
		done = true
		return answer(ctx)
	}
}
