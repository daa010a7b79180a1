package access

import (
	"context"
	"fmt"

	"entgo.io/ent/dialect/sql"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/intercept"
	"github.com/zeblit/zeblit/ent/privacy"
)

// Policy is the privacy policy of every entity. It looks the entity up in the
// tables of persons.go and actors.go; one that stands in neither is closed.
func Policy() ent.Policy { return policy{} }

type policy struct{}

// EvalQuery narrows a person's query to the rows they may read.
func (policy) EvalQuery(ctx context.Context, q ent.Query) error {
	query, err := intercept.NewQuery(q)
	if err != nil {
		return err
	}
	if decision, ok := privacy.DecisionFromContext(ctx); ok {
		return decision
	}
	if actor := actorFrom(ctx); actor != "" {
		return decide(actor.may(query.Type(), Read), string(actor), Read, query.Type())
	}
	viewer := ViewerFrom(ctx)
	if viewer == nil {
		return decide(false, "nobody", Read, query.Type())
	}
	rule, ok := persons[query.Type()]
	if !ok || rule.read == nil {
		return decide(false, "a person", Read, query.Type())
	}
	query.WhereP(rule.read(viewer))
	return nil
}

// mutation is what every generated mutation has.
type mutation interface {
	ent.Mutation
	Client() *ent.Client
	WhereP(...func(*sql.Selector))
}

// EvalMutation refuses a person's create, and narrows their update or delete,
// by the role that the entity asks for.
func (policy) EvalMutation(ctx context.Context, em ent.Mutation) error {
	if decision, ok := privacy.DecisionFromContext(ctx); ok {
		return decision
	}
	verb := verbOf(em.Op())
	if actor := actorFrom(ctx); actor != "" {
		return decide(actor.may(em.Type(), verb), string(actor), verb, em.Type())
	}
	viewer := ViewerFrom(ctx)
	m, ok := em.(mutation)
	if viewer == nil || !ok {
		return decide(false, "nobody", verb, em.Type())
	}
	rule := persons[em.Type()]
	switch {
	case verb == Create && rule.create != nil:
		allowed, err := rule.create(ctx, viewer, m)
		if err != nil {
			return err
		}
		return decide(allowed, "a person", verb, em.Type())
	case verb == Update && rule.update != nil:
		m.WhereP(rule.update(viewer))
		return nil
	case verb == Delete && rule.delete != nil:
		m.WhereP(rule.delete(viewer))
		return nil
	}
	return decide(false, "a person", verb, em.Type())
}

func decide(allowed bool, who string, verb Verb, entity string) error {
	if allowed {
		return privacy.Allow
	}
	return fmt.Errorf("%s may not %s %s: %w", who, verb, entity, privacy.Deny)
}

func verbOf(op ent.Op) Verb {
	switch {
	case op.Is(ent.OpCreate):
		return Create
	case op.Is(ent.OpUpdate | ent.OpUpdateOne):
		return Update
	}
	return Delete
}

// unchecked is for the policy's own look-ups.
func unchecked(ctx context.Context) context.Context {
	return privacy.DecisionContext(ctx, privacy.Allow)
}
