package limits

import (
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator/core"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// mostTold is how many fields that there are not a document is told of. Finding
// the names that were meant costs more than all the rest of validation.
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
			return r
		}
		r.ReplaceRule(rules.KnownArgumentNamesRule.Name, rules.KnownArgumentNamesRuleWithoutSuggestions.RuleFunc)
		r.ReplaceRule(rules.ValuesOfCorrectTypeRule.Name, rules.ValuesOfCorrectTypeRuleWithoutSuggestions.RuleFunc)
		return r
	})
}

// fieldsOnCorrectType is the rule of that name, which stops telling after a few.
func fieldsOnCorrectType(observers *core.Events, addError core.AddErrFunc) {
	told := 0
	observers.OnField(func(walker *core.Walker, field *ast.Field) {
		if field.ObjectDefinition == nil || field.Definition != nil || told == mostTold {
			return
		}
		told++
		options := []core.ErrorOption{
			core.Message(`Cannot query field "%s" on type "%s".`, field.Name, field.ObjectDefinition.Name), core.At(field.Position),
		}
		if types := typesWith(walker.Schema, field); len(types) > 0 {
			options = append(options, core.Suggestf("to use an inline fragment on %s", core.QuotedOrList(types...)))
		} else {
			options = append(options, core.SuggestListQuoted("Did you mean", field.Name, fieldNames(field.ObjectDefinition)))
		}
		addError(options...)
	})
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
