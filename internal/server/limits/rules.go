package limits

import (
	"regexp"
	"slices"

	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator/core"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// mostTold is how many errors each rule tells of a document. Making them, and
// finding the names that were meant, costs more than all the rest of validation.
const mostTold = 10

// SetRules chooses the rules of validation. Without suggestions no error names what
// is in the schema and was not asked for ("Did you mean …").
func SetRules(exec *executor.Executor, suggestions bool) {
	exec.SetDisableSuggestion(!suggestions) // of fields and leaves
	exec.SetDefaultRulesFn(func() *rules.Rules {
		r := rules.NewDefaultRules()
		// There are so many types that to suggest one costs too much.
		r.ReplaceRule(rules.KnownTypeNamesRule.Name, rules.KnownTypeNamesRuleWithoutSuggestions.RuleFunc)
		if suggestions {
			r.ReplaceRule(rules.FieldsOnCorrectTypeRule.Name, fieldsOnCorrectType)
		} else {
			r.ReplaceRule(rules.KnownArgumentNamesRule.Name, rules.KnownArgumentNamesRuleWithoutSuggestions.RuleFunc)
			r.ReplaceRule(rules.ValuesOfCorrectTypeRule.Name, rules.ValuesOfCorrectTypeRuleWithoutSuggestions.RuleFunc)
		}
		for name, rule := range r.GetInner() {
			r.ReplaceRule(name, few(discreet(rule)))
		}
		return r
	})
}

// few makes a rule stop telling after a few. What would be said is then not even
// worked out: options are applied where an error is added.
func few(rule core.RuleFunc) core.RuleFunc {
	return func(observers *core.Events, addError core.AddErrFunc) {
		told := 0
		rule(observers, func(options ...core.ErrorOption) {
			if told < mostTold {
				told++
				addError(options...)
			}
		})
	}
}

// repeated is a message that ends with a value of the document.
var repeated = regexp.MustCompile(`(?s)^(\w+ cannot represent [^:"]+ value): .*$`)

// discreet makes a rule not repeat values: one of the wrong type may be a password or a
// key nevertheless.
func discreet(rule core.RuleFunc) core.RuleFunc {
	return func(observers *core.Events, addError core.AddErrFunc) {
		rule(observers, func(options ...core.ErrorOption) {
			addError(append(slices.Clip(options), func(told *gqlerror.Error) {
				told.Message = repeated.ReplaceAllString(told.Message, "$1")
			})...)
		})
	}
}

// fieldsOnCorrectType is the rule of that name, but works out what was meant only
// where the error is told.
func fieldsOnCorrectType(observers *core.Events, addError core.AddErrFunc) {
	observers.OnField(func(walker *core.Walker, field *ast.Field) {
		if field.ObjectDefinition == nil || field.Definition != nil {
			return
		}
		addError(
			core.Message(`Cannot query field "%s" on type "%s".`, field.Name, field.ObjectDefinition.Name),
			core.At(field.Position),
			func(told *gqlerror.Error) { meant(walker.Schema, field)(told) },
		)
	})
}

// meant suggests what may have been meant instead of a field that there isn't.
func meant(schema *ast.Schema, field *ast.Field) core.ErrorOption {
	if types := typesWith(schema, field); len(types) > 0 {
		return core.Suggestf("to use an inline fragment on %s", core.QuotedOrList(types...))
	}
	return core.SuggestListQuoted("Did you mean", field.Name, fieldNames(field.ObjectDefinition))
}

// typesWith are the types behind an interface that have the field.
func typesWith(schema *ast.Schema, field *ast.Field) (names []string) {
	if !field.ObjectDefinition.IsAbstractType() {
		return nil
	}
	for _, possible := range schema.GetPossibleTypes(field.ObjectDefinition) {
		if possible.Fields.ForName(field.Name) != nil {
			names = append(names, possible.Name)
		}
	}
	return names
}

func fieldNames(definition *ast.Definition) (names []string) {
	for _, field := range definition.Fields {
		names = append(names, field.Name)
	}
	return names
}
