package sseproto

import (
	"slices"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// after is the argument by which a subscription goes on behind an event.
const after = "after"

// resumeAfter makes a subscription go on behind the event of that id, whatever its
// document or variables say: by the variable that is used for `after`, else by an
// argument put in the place of what is written. A subscription whose root field
// takes no `after` is left as it is.
//
// The document may be shared with other requests; what changes is copied.
func resumeAfter(operation *graphql.OperationContext, id string) {
	if operation.Operation.Operation != ast.Subscription {
		return
	}
	root := *operation.Operation
	root.SelectionSet = setAfter(root.SelectionSet, operation, id)
	operation.Operation = &root
}

func setAfter(set ast.SelectionSet, operation *graphql.OperationContext, id string) ast.SelectionSet {
	out := make(ast.SelectionSet, 0, len(set))
	for _, selection := range set {
		switch s := selection.(type) {
		case *ast.Field:
			selection = fieldAfter(s, operation, id)
		case *ast.InlineFragment:
			inline := *s
			inline.SelectionSet = setAfter(s.SelectionSet, operation, id)
			selection = &inline
		case *ast.FragmentSpread:
			// Spread out in place: the executor looks a fragment up by its name.
			selection = &ast.InlineFragment{
				TypeCondition: s.Definition.TypeCondition, Directives: s.Directives,
				SelectionSet:     setAfter(s.Definition.SelectionSet, operation, id),
				ObjectDefinition: s.ObjectDefinition, Position: s.Position,
			}
		}
		out = append(out, selection)
	}
	return out
}

func fieldAfter(field *ast.Field, operation *graphql.OperationContext, id string) *ast.Field {
	if field.Definition == nil || field.Definition.Arguments.ForName(after) == nil {
		return field
	}
	given := field.Arguments.ForName(after)
	if given != nil && given.Value.Kind == ast.Variable {
		if operation.Variables == nil {
			operation.Variables = map[string]any{}
		}
		operation.Variables[given.Value.Raw] = id
		return field
	}
	resumed := *field
	resumed.Arguments = slices.DeleteFunc(slices.Clone(field.Arguments), func(a *ast.Argument) bool { return a.Name == after })
	resumed.Arguments = append(resumed.Arguments, &ast.Argument{
		Name: after, Value: &ast.Value{Kind: ast.StringValue, Raw: id, Position: field.Position}, Position: field.Position,
	})
	return &resumed
}
