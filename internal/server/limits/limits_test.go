package limits_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/99designs/gqlgen/graphql/introspection"
	"github.com/stretchr/testify/require"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"pgregory.net/rapid"

	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/server/limits"
	"github.com/zeblit/zeblit/internal/server/servertest"
)

func nested(levels int, name string) string {
	return strings.Repeat(name+"{", levels-1) + "name" + strings.Repeat("}", levels-1)
}

// bomb doubles at each of n fragments.
func bomb(n int) string {
	var b strings.Builder
	b.WriteString("{tree{...F0}}")
	for i := range n {
		fmt.Fprintf(&b, " fragment F%d on Tree{left{...F%d} right{...F%d}}", i, i+1, i+1)
	}
	fmt.Fprintf(&b, " fragment F%d on Tree{name}", n)
	return b.String()
}

func repeated(n int, format string) string {
	var b strings.Builder
	for i := range n {
		if strings.Contains(format, "%") {
			fmt.Fprintf(&b, format, i)
		} else {
			b.WriteString(format)
		}
		b.WriteByte(' ')
	}
	return b.String()
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, query := range map[string]string{
		"depth":                       "{" + nested(16, "child") + "}",
		"depth in fragments":          "{...A} fragment A on Query{" + nested(9, "child") + "} query B{" + nested(2, "x") + "}" + "query C{a{b{c{d{e{f{g{h{...A}}}}}}}}}",
		"introspection depth":         "{" + nested(21, "__schema") + "}",
		"5,000 fields":                "{" + repeated(5000, "name") + "}",
		"1,000 aliases":               "{" + repeated(1000, "a%d:name") + "}",
		"101 aliases":                 "{" + repeated(101, "a%d:name") + "}",
		"aliases through a fragment":  "{" + repeated(21, "...A") + "} fragment A on Query{a:name b:name c:name d:name e:name}",
		"a fragment bomb":             bomb(40),
		"a bomb nobody spreads":       "{name} " + strings.TrimPrefix(bomb(40), "{tree{...F0}}"),
		"51 directives":               "{name " + repeated(51, "@note") + "}",
		"101 variables":               "query(" + repeated(101, "$v%d:Int") + "){name}",
		"tokens":                      "{name(" + repeated(2000, "a:1") + ")}",
		"comments":                    "{name}\n" + strings.Repeat("#\n", 4001),
		"a million tokens":            "{" + strings.Repeat("a ", 250_000) + "}",
		"bytes":                       "{name}" + strings.Repeat(" ", 1<<20),
		"deep lists":                  "{f(a:" + strings.Repeat("[", 1500),
		"1,000 equal fields":          "{" + repeated(999, "name") + "}",
		"equal fields across objects": "{" + repeated(200, "tree{name}") + "}",
		"equal fields by a fragment":  "{" + repeated(200, "...A") + "} fragment A on Query{name}",
		"many operations":             repeated(101, "query q%d{name}"),
		"operations that add up":      repeated(90, "query q%d{...A}") + "fragment A on Query{" + repeated(12, "f%d") + "}",
		"fragments that add up":       "{name}" + repeated(90, "fragment B%d on Query{...A}") + "fragment A on Query{" + repeated(100, "f%d") + "}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := limits.Limits{}.Check(query)
			require.NotNil(t, err)
			require.Equal(t, problem.QueryTooComplex, err.Code, err.Message)
			require.Less(t, len(err.Message), 100)
		})
	}
}

func TestOrdinaryDocumentsPass(t *testing.T) {
	t.Parallel()
	for name, query := range map[string]string{
		"empty":          "",
		"the explorers'": introspection.Query,
		"syntax error":   "{",
		"depth 15":       "{" + nested(15, "child") + "}",
		"introspection":  "{" + nested(20, "__schema") + "}",
		"fields":         "{" + repeated(999, "f%d") + "}",
		"aliases":        "{" + repeated(100, "a%d:name") + "}",
		"many fragments": "{" + repeated(40, "...F%d") + "}" + repeated(40, "fragment F%d on Query{a b c}"),
		"a missing one":  "{...Nothing}",
		"a long string":  `{f(text:"` + strings.Repeat("x", 100_000) + `")}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Nil(t, limits.Limits{}.Check(query))
		})
	}
}

func TestFragmentCyclesAreRefusedBeforeValidation(t *testing.T) {
	t.Parallel()
	for _, query := range []string{
		"{...A} fragment A on Query{...A}",
		"{...A} fragment A on Query{tree{...B}} fragment B on Tree{child{...A}}",
		"{name} fragment A on Query{...B} fragment B on Query{...A}",
	} {
		err := limits.Limits{}.Check(query)
		require.NotNil(t, err)
		require.Equal(t, problem.GraphQLValidateFail, err.Code)
	}
}

func TestDeferIsRefused(t *testing.T) {
	t.Parallel()
	err := limits.Limits{}.Check("{... @defer{name}}")
	require.NotNil(t, err)
	require.Equal(t, "@defer is not supported", err.Message)
}

func TestTheExecutorRefusesBeforeItParses(t *testing.T) {
	t.Parallel()
	_, exec := servertest.New()
	exec.Use(limits.Limits{})
	ctx := graphql.StartOperationTrace(t.Context())
	opCtx, errs := exec.CreateOperationContext(ctx, &graphql.RawParams{Query: bomb(60)})
	require.Len(t, errs, 1)
	require.Equal(t, "QUERY_TOO_COMPLEX", errs[0].Extensions["code"])
	require.Nil(t, opCtx.Doc)

	_, errs = exec.CreateOperationContext(ctx, &graphql.RawParams{Query: "{name}"})
	require.Empty(t, errs)
}

func TestErrorsOfAResponseAreCapped(t *testing.T) {
	t.Parallel()
	schema, _ := servertest.New()
	exec := executor.New(manyErrors{schema})
	exec.Use(limits.Limits{Errors: 3})
	ctx := graphql.StartOperationTrace(t.Context())
	opCtx, errs := exec.CreateOperationContext(ctx, &graphql.RawParams{Query: "{name}"})
	require.Empty(t, errs)
	responses, ctx := exec.DispatchOperation(ctx, opCtx)
	resp := responses(ctx)
	require.Len(t, resp.Errors, 3)
	require.Equal(t, 17, resp.Extensions["omittedErrors"])
	require.Nil(t, responses(ctx))
}

type manyErrors struct{ graphql.ExecutableSchema }

func (manyErrors) Exec(context.Context) graphql.ResponseHandler {
	resp := &graphql.Response{Data: []byte("{}")}
	for range 20 {
		resp.Errors = append(resp.Errors, gqlerror.Wrap(errors.New("no")))
	}
	return graphql.OneShot(resp)
}

func TestNegativeLimitsAreRefused(t *testing.T) {
	t.Parallel()
	require.Error(t, limits.Limits{Depth: -1}.Validate(nil))
}

// The short cut for small documents must never let through what measuring refuses.
func TestTheShortCutAgreesWithMeasuring(t *testing.T) {
	t.Parallel()
	tight := limits.Limits{Depth: 3, IntrospectionDepth: 4, Fields: 12, Aliases: 3, Directives: 2, Repeats: 8, Definitions: 3}
	rapid.Check(t, func(t *rapid.T) {
		var b strings.Builder
		for range rapid.IntRange(1, 4).Draw(t, "operations") {
			var set func(depth int)
			set = func(depth int) {
				b.WriteByte('{')
				for range rapid.IntRange(1, 4).Draw(t, "fields") {
					b.WriteString(rapid.SampledFrom([]string{"a ", "b ", "x:a ", "__type", "a@d "}).Draw(t, "field"))
					if depth < 5 && rapid.Bool().Draw(t, "below") {
						set(depth + 1)
					}
				}
				b.WriteByte('}')
			}
			set(1)
		}
		query := b.String()
		// The dots in a comment turn the short cut off and count for nothing else.
		require.Equal(t, tight.Check("#...\n"+query), tight.Check(query), query)
	})
}

func BenchmarkRefuse(b *testing.B) {
	for name, query := range map[string]string{
		"bomb": bomb(90), "fields": "{" + repeated(5000, "name") + "}", "aliases": "{" + repeated(1000, "a%d:name") + "}",
		"megabyte": "{" + strings.Repeat("a ", 500_000) + "}",
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if (limits.Limits{}).Check(query) == nil {
					b.Fatal("passed")
				}
			}
		})
	}
}

// What the limits let through must be cheap to validate.
func BenchmarkValidateWorstAccepted(b *testing.B) {
	s, _ := servertest.New()
	for name, query := range map[string]string{
		"equal":     "{" + repeated(140, "name") + "}",
		"nested":    "{" + repeated(45, "tree{left{name} right{name child{name}}}") + "}",
		"args":      "{tree{" + repeated(140, "arg(n:1)") + "}}",
		"unknown":   "{" + repeated(990, "nome%d") + "}",
		"fragments": "{tree{...F0}}" + repeated(98, "fragment F%d on Tree{name left{name} right{name}}"),
		"spreads":   "{tree{" + repeated(90, "...F%d") + "}}" + repeated(90, "fragment F%d on Tree{name left{name}}"),
		"deep":      "{" + repeated(60, nested(15, "tree")) + "}",
		"chain":     chain(95),
	} {
		b.Run(name, func(b *testing.B) {
			if err := (limits.Limits{}).Check(query); err != nil {
				b.Skip(err.Message)
			}
			for b.Loop() {
				doc, err := parser.ParseQuery(&ast.Source{Input: query})
				if err != nil {
					b.Fatal(err)
				}
				_ = validator.Validate(s.Schema(), doc) //nolint:staticcheck // the default rules are what is measured
			}
		})
	}
}

func chain(n int) string {
	var b strings.Builder
	b.WriteString("{tree{...F0}}")
	for i := range n {
		fmt.Fprintf(&b, " fragment F%d on Tree{a%d:arg ...F%d}", i, i, i+1)
	}
	fmt.Fprintf(&b, " fragment F%d on Tree{name}", n)
	return b.String()
}
