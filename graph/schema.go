package graph

import (
	"context"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/zeblit/zeblit/graph/generated"
)

// New makes the API's schema. Each response it gives has loaders of its own.
func New(d Deps) graphql.ExecutableSchema {
	config := generated.Config{Resolvers: &Resolver{d}}
	weigh(&config.Complexity)
	return schema{generated.NewExecutableSchema(config), d}
}

// NewExecutor makes what transports execute operations with: the schema, with
// the API's error model.
func NewExecutor(d Deps) *executor.Executor {
	e := executor.New(New(d))
	e.SetErrorPresenter(Presenter(d.Logger))
	e.SetRecoverFunc(Recover(d.Logger))
	return e
}

type schema struct {
	graphql.ExecutableSchema
	deps Deps
}

func (s schema) Exec(ctx context.Context) graphql.ResponseHandler {
	end := new(ending)
	next := s.ExecutableSchema.Exec(context.WithValue(withLoaders(ctx, s.deps), endingKey{}, end))
	stream := graphql.GetOperationContext(ctx).Operation.Operation == ast.Subscription
	return func(ctx context.Context) *graphql.Response {
		ctx = withLoaders(ctx, s.deps)
		resp := next(ctx)
		if resp != nil || !stream {
			return resp
		}
		if err := end.take(); err != nil {
			graphql.AddError(ctx, err)
			return &graphql.Response{} // without data: transports end the stream with the error
		}
		return nil
	}
}

// ending is why a subscription ends before its client wants it to.
type ending struct {
	mu  sync.Mutex
	err error
}

type endingKey struct{}

// endWith makes err the last that the subscription says, when its channel is closed.
func endWith(ctx context.Context, err error) {
	if end, ok := ctx.Value(endingKey{}).(*ending); ok {
		end.mu.Lock()
		defer end.mu.Unlock()
		end.err = err
	}
}

// take returns the error once.
func (e *ending) take() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	err := e.err
	e.err = nil
	return err
}
