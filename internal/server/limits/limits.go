// Package limits refuses documents that would cost more than any client needs,
// before they are validated: validation itself is quadratic in repeated fields
// and follows fragments, so a check after it comes too late.
//
// A document is measured in time proportional to its length: each fragment is
// measured once, however often it is spread. What passes is bounded in every
// dimension that parsing, validation and collecting fields depend on; what its
// resolvers cost (page sizes, say) is not this package's business.
package limits

import (
	"context"
	"errors"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"

	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/server/gqlreq"
)

// Limits is a gqlgen extension. Zero fields mean the defaults. A refusal has the
// code QUERY_TOO_COMPLEX and names the limit.
type Limits struct {
	// Bytes of the document; 256 KiB. Long texts belong into variables.
	Bytes int
	// Tokens of the document, comments included; 4,000.
	Tokens int
	// Name is the length of the longest name, in bytes; 128. What is wrong with a name
	// is told by comparing it with all that there are.
	Name int
	// Definitions, that is operations and fragments; 100.
	Definitions int
	// Variables defined by all operations; 100.
	Variables int
	// Depth of selections, a root field being 1; 15.
	Depth int
	// IntrospectionDepth is the depth below and including `__schema` or `__type`; 20.
	IntrospectionDepth int
	// Fields selected by all operations with fragments spread out; 1,000. All
	// fragments by themselves may have four times as many.
	Fields int
	// Aliases selected, counted like Fields; 100.
	Aliases int
	// Directives written in the document; 50.
	Directives int
	// Repeats is how many pairs of selections may ask for the same response name
	// at the same place: n equal fields are n·(n-1)/2 pairs; 10,000. Validation
	// compares each pair.
	Repeats int
	// Errors told in one response; 10. `extensions.omittedErrors` counts the rest.
	Errors int
}

var (
	_ graphql.HandlerExtension          = Limits{}
	_ graphql.OperationParameterMutator = Limits{}
	_ graphql.ResponseInterceptor       = Limits{}
)

// ExtensionName implements graphql.HandlerExtension.
func (Limits) ExtensionName() string { return "Limits" }

// Validate implements graphql.HandlerExtension.
func (l Limits) Validate(graphql.ExecutableSchema) error {
	for _, n := range []int{l.Bytes, l.Tokens, l.Name, l.Definitions, l.Variables, l.Depth, l.IntrospectionDepth, l.Fields, l.Aliases, l.Directives, l.Repeats, l.Errors} {
		if n < 0 {
			return errors.New("a limit is negative")
		}
	}
	return nil
}

// MutateOperationParameters implements graphql.OperationParameterMutator, the one
// hook that runs before the document is parsed. It changes nothing.
func (l Limits) MutateOperationParameters(_ context.Context, request *graphql.RawParams) *gqlerror.Error {
	if err := l.Check(request.Query); err != nil {
		return gqlreq.Error(err)
	}
	return nil
}

// InterceptResponse implements graphql.ResponseInterceptor: it caps the errors.
func (l Limits) InterceptResponse(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	resp := next(ctx)
	if resp == nil || len(resp.Errors) == 0 {
		return resp
	}
	limit := l.withDefaults().Errors
	if len(resp.Errors) <= limit {
		return resp
	}
	if resp.Extensions == nil {
		resp.Extensions = map[string]any{}
	}
	resp.Extensions["omittedErrors"] = len(resp.Errors) - limit
	resp.Errors = resp.Errors[:limit]
	return resp
}

// Check measures a document. A document that does not parse passes when it is
// short enough: the parser has better words for what is wrong with it.
func (l Limits) Check(query string) *problem.Error {
	l = l.withDefaults()
	if l.obviouslySmall(query) {
		return nil
	}
	if len(query) > l.Bytes {
		return tooComplex("The document is longer than %d bytes", l.Bytes)
	}
	if longestRun(query) > l.Name && hasLongName(query, l) {
		return tooComplex("The document has a name longer than %d bytes", l.Name)
	}
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: query}, l.Tokens)
	if err != nil {
		return parseRefusal(err, l.Tokens)
	}
	if len(doc.Operations)+len(doc.Fragments) > l.Definitions {
		return tooComplex("The document has more than %d operations and fragments", l.Definitions)
	}
	return newMeasure(doc, l).check()
}

// obviouslySmall spares ordinary documents a second parse. It overestimates
// every measure: without fragments, depth is at most the number of braces, a
// token takes a byte and a field two, an alias needs a colon.
func (l Limits) obviouslySmall(query string) bool {
	fields := len(query) / 2
	return len(query) <= min(l.Tokens, l.Bytes) &&
		fields <= l.Fields &&
		fields*(fields-1)/2 <= l.Repeats &&
		!strings.Contains(query, "...") &&
		strings.Count(query, "{") <= min(l.Depth, l.Definitions) &&
		strings.Count(query, ":") <= l.Aliases &&
		strings.Count(query, "$") <= l.Variables &&
		strings.Count(query, "@") <= l.Directives &&
		longestRun(query) <= l.Name
}

func (l Limits) withDefaults() Limits {
	for _, field := range []struct {
		value    *int
		fallback int
	}{
		{&l.Bytes, 256 << 10},
		{&l.Tokens, 4000},
		{&l.Name, 128},
		{&l.Definitions, 100},
		{&l.Variables, 100},
		{&l.Depth, 15},
		{&l.IntrospectionDepth, 20},
		{&l.Fields, 1000},
		{&l.Aliases, 100},
		{&l.Directives, 50},
		{&l.Repeats, 10_000},
		{&l.Errors, 10},
	} {
		if *field.value == 0 {
			*field.value = field.fallback
		}
	}
	return l
}

// parseRefusal tells the parser's own limits from errors of syntax; it has no
// types for them.
func parseRefusal(err error, tokens int) *problem.Error {
	var gqlErr *gqlerror.Error
	if !errors.As(err, &gqlErr) {
		return nil
	}
	switch {
	case strings.HasPrefix(gqlErr.Message, "exceeded token limit"):
		return tooComplex("The document has more than %d tokens", tokens)
	case strings.HasPrefix(gqlErr.Message, "exceeded maximum nesting depth"):
		return tooComplex("The document nests too deeply")
	}
	return nil
}

func tooComplex(format string, args ...any) *problem.Error {
	return problem.New(problem.QueryTooComplex, format, args...)
}
