package limits

import (
	"context"

	"github.com/99designs/gqlgen/complexity"
	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/zeblit/zeblit/internal/server/gqlreq"
)

// DefaultCost is the most that an operation may cost: 100 projects with 100
// messages each, of nine fields.
const DefaultCost = 100_000

// Cost refuses operations whose resolvers could return too much: a field costs one,
// and a list as many times what is asked of each object as its page may have
// objects. Use it after Limits, which bound the nesting. The refusal has the code
// QUERY_TOO_COMPLEX.
type Cost struct {
	// Max of an operation; DefaultCost.
	Max int

	schema graphql.ExecutableSchema
}

var _ graphql.OperationContextMutator = (*Cost)(nil)

// ExtensionName implements graphql.HandlerExtension.
func (*Cost) ExtensionName() string { return "Cost" }

// Validate implements graphql.HandlerExtension.
func (c *Cost) Validate(schema graphql.ExecutableSchema) error {
	c.schema = schema
	if c.Max == 0 {
		c.Max = DefaultCost
	}
	return nil
}

// MutateOperationContext implements graphql.OperationContextMutator. It changes
// nothing.
func (c *Cost) MutateOperationContext(ctx context.Context, operation *graphql.OperationContext) *gqlerror.Error {
	cost := complexity.Calculate(ctx, c.schema, operation.Operation, operation.Variables)
	if cost <= c.Max {
		return nil
	}
	return gqlreq.Error(tooComplex("The operation could cost %d, which is more than %d: ask for smaller pages or fewer fields", cost, c.Max))
}
