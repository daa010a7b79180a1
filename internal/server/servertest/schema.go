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

	"github.com/zeblit/zeblit/graph/share"
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
	type Event { cursor: String text: String }
	type Subscription { ticks: String! refused: String! panics: String! events(after: String): Event! shared(after: String): Event! }
`

// Schema implements graphql.ExecutableSchema. Its functions must be set before
// it is used; a nil one stands for a fixed answer.
type Schema struct {
	schema *ast.Schema
	// Slow answers `slow`; nil waits for the context.
	Slow func(ctx context.Context) string
	// Ticks is the source of `ticks`. The stream ends with the channel or ctx.
	Ticks func(ctx context.Context) <-chan string
	// Events is the source of `events`, with what it was asked to go on after. Each
	// is the event's JSON. After "behind" all are of what happened before.
	Events func(ctx context.Context, after any) <-chan string
	// Journal is what `shared` tells of, to all who watch it together where the transport
	// offers that.
	Journal *Journal
	// Renamed is called by the mutation.
	Renamed func()
}

// New returns the schema and an executor over it.
func New() (*Schema, *executor.Executor) {
	s := &Schema{schema: gqlparser.MustLoadSchema(&ast.Source{Input: SDL}), Journal: new(Journal)}
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
	fields := graphql.CollectFields(operation, operation.Operation.SelectionSet, []string{"Query", "Mutation", "Subscription"})
	if len(fields) == 0 {
		return data(`{}`)
	}
	field := fields[0].Field
	if operation.Operation.Operation == ast.Subscription {
		return s.subscribe(ctx, field, operation.Variables)
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

func (s *Schema) subscribe(ctx context.Context, field *ast.Field, variables map[string]any) graphql.ResponseHandler {
	switch field.Name {
	case "refused":
		graphql.AddError(ctx, errors.New("not for you"))
		return nil
	case "panics":
		return func(context.Context) *graphql.Response { panic("secret detail") }
	case "shared":
		return s.shared(ctx, field, field.ArgumentMap(variables)["after"])
	case "events":
		after := field.ArgumentMap(variables)["after"]
		if offer := share.OfferIn(ctx); offer != nil {
			offer.CatchUp(after == "behind")
		}
		events := s.Events(ctx, after)
		return streaming(ctx, events, func(event string) []byte { return []byte(`{"events":` + event + `}`) })
	}
	return streaming(ctx, s.Ticks(ctx), func(tick string) []byte { return object("ticks", tick) })
}

// streaming answers what comes. The word "unavailable" ends it with that error, and "away"
// is an event that has the error instead of a field.
func streaming(ctx context.Context, source <-chan string, data func(string) []byte) graphql.ResponseHandler {
	return func(context.Context) *graphql.Response {
		select {
		case <-ctx.Done():
			return nil
		case value, open := <-source:
			switch {
			case !open:
				return nil
			case value == "unavailable":
				return &graphql.Response{Errors: gqlerror.List{{Message: "it ended", Extensions: map[string]any{"code": "UNAVAILABLE"}}}}
			case value == "away":
				return &graphql.Response{Data: data("null"), Errors: gqlerror.List{{Message: "not now", Extensions: map[string]any{"code": "UNAVAILABLE"}}}}
			}
			return &graphql.Response{Data: data(value)}
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
