package limits

import (
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/zeblit/zeblit/internal/problem"
)

// size is what a selection set amounts to with its fragments spread out. Sums
// saturate at ceiling, so that a fragment bomb can't overflow them.
type size struct {
	depth         int // of ordinary fields
	introspection int // of fields below and including __schema and __type
	fields        int
	aliases       int
}

const ceiling = 1 << 30

func (s *size) add(other size) {
	s.depth = max(s.depth, other.depth)
	s.introspection = max(s.introspection, other.introspection)
	s.fields = min(ceiling, s.fields+other.fields)
	s.aliases = min(ceiling, s.aliases+other.aliases)
}

// measure holds the state of measuring one document.
type measure struct {
	limits     Limits
	doc        *ast.QueryDocument
	fragments  map[string]*ast.FragmentDefinition
	sizes      map[string]size // of fragments measured already
	open       map[string]bool // fragments being measured: one met again is a cycle
	variables  int
	directives int
	repeats    int
	refusal    *problem.Error
}

func newMeasure(doc *ast.QueryDocument, limits Limits) *measure {
	m := &measure{
		limits:    limits,
		doc:       doc,
		fragments: make(map[string]*ast.FragmentDefinition, len(doc.Fragments)),
		sizes:     make(map[string]size, len(doc.Fragments)),
		open:      map[string]bool{},
	}
	for _, fragment := range doc.Fragments {
		m.fragments[fragment.Name] = fragment
	}
	return m
}

func (m *measure) check() *problem.Error {
	var operations, fragments size
	for _, operation := range m.doc.Operations {
		m.count(operation.Directives)
		m.variables += len(operation.VariableDefinitions)
		for _, variable := range operation.VariableDefinitions {
			m.count(variable.Directives)
		}
		operations.add(m.selections(operation.SelectionSet))
	}
	for _, fragment := range m.doc.Fragments {
		fragments.add(m.fragment(fragment.Name))
	}
	l := m.limits
	switch {
	case m.refusal != nil:
		return m.refusal
	case m.variables > l.Variables:
		return tooComplex("The document has more than %d variables", l.Variables)
	case m.directives > l.Directives:
		return tooComplex("The document has more than %d directives", l.Directives)
	case max(operations.depth, fragments.depth) > l.Depth:
		return tooComplex("The document is deeper than %d levels", l.Depth)
	case max(operations.introspection, fragments.introspection) > l.IntrospectionDepth:
		return tooComplex("The introspection is deeper than %d levels", l.IntrospectionDepth)
	case operations.fields > l.Fields || fragments.fields > 4*l.Fields:
		return tooComplex("The document selects more than %d fields, fragments included", l.Fields)
	case operations.aliases > l.Aliases || fragments.aliases > 4*l.Aliases:
		return tooComplex("The document has more than %d aliases, fragments included", l.Aliases)
	}
	return m.checkRepeats()
}

func (m *measure) selections(set ast.SelectionSet) size {
	var total size
	for _, selection := range set {
		switch selection := selection.(type) {
		case *ast.Field:
			m.count(selection.Directives)
			total.add(m.field(selection))
		case *ast.InlineFragment:
			m.count(selection.Directives)
			total.add(m.selections(selection.SelectionSet))
		case *ast.FragmentSpread:
			m.count(selection.Directives)
			total.add(m.fragment(selection.Name))
		}
	}
	return total
}

func (m *measure) field(field *ast.Field) size {
	s := m.selections(field.SelectionSet)
	s.fields = min(ceiling, s.fields+1)
	if field.Alias != field.Name {
		s.aliases = min(ceiling, s.aliases+1)
	}
	if field.Name == "__schema" || field.Name == "__type" {
		s.introspection = 1 + max(s.depth, s.introspection)
		s.depth = 1
		return s
	}
	s.depth++
	if s.introspection > 0 {
		s.introspection++
	}
	return s
}

// fragment measures a fragment once. One that is not defined counts nothing:
// validation names it.
func (m *measure) fragment(name string) size {
	if s, done := m.sizes[name]; done {
		return s
	}
	fragment := m.fragments[name]
	if fragment == nil {
		return size{}
	}
	if m.open[name] {
		m.refuse(problem.New(problem.GraphQLValidateFail, "A fragment spreads itself"))
		return size{}
	}
	m.open[name] = true
	m.count(fragment.Directives)
	s := m.selections(fragment.SelectionSet)
	delete(m.open, name)
	m.sizes[name] = s
	return s
}

// count counts directives. The parser knows @defer in every schema, but no
// transport here serves incremental delivery, and executing a deferred part that
// nobody reads would leak its goroutine.
func (m *measure) count(directives ast.DirectiveList) {
	m.directives += len(directives)
	if directives.ForName("defer") != nil {
		m.refuse(problem.New(problem.GraphQLValidateFail, "@defer is not supported"))
	}
}

func (m *measure) refuse(err *problem.Error) {
	if m.refusal == nil {
		m.refusal = err
	}
}

// checkRepeats counts the pairs that validation would compare. It spreads the
// fragments out for real, which is affordable as the number of fields is bounded
// by now.
func (m *measure) checkRepeats() *problem.Error {
	for _, operation := range m.doc.Operations {
		m.countRepeats([]ast.SelectionSet{operation.SelectionSet})
	}
	for _, fragment := range m.doc.Fragments {
		m.countRepeats([]ast.SelectionSet{fragment.SelectionSet})
	}
	if m.repeats > m.limits.Repeats {
		return tooComplex("The document selects the same fields too many times")
	}
	return nil
}

// countRepeats counts in sets, which apply to the same object, and below.
func (m *measure) countRepeats(sets []ast.SelectionSet) {
	if m.repeats > m.limits.Repeats {
		return
	}
	times := map[string]int{}
	below := map[string][]ast.SelectionSet{}
	var collect func(set ast.SelectionSet)
	collect = func(set ast.SelectionSet) {
		for _, selection := range set {
			switch selection := selection.(type) {
			case *ast.Field:
				m.repeats += times[selection.Alias]
				times[selection.Alias]++
				if len(selection.SelectionSet) > 0 {
					below[selection.Alias] = append(below[selection.Alias], selection.SelectionSet)
				}
			case *ast.InlineFragment:
				collect(selection.SelectionSet)
			case *ast.FragmentSpread:
				if fragment := m.fragments[selection.Name]; fragment != nil {
					collect(fragment.SelectionSet)
				}
			}
		}
	}
	for _, set := range sets {
		collect(set)
	}
	for _, sets := range below {
		m.countRepeats(sets)
	}
}
