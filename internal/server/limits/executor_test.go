package limits_test

import (
	"context"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/stretchr/testify/require"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/server/limits"
	"github.com/zeblit/zeblit/internal/server/servertest"
)

func TestLongNamesAreRefusedWhereverTheyStand(t *testing.T) {
	t.Parallel()
	long, fits := strings.Repeat("x", 129), strings.Repeat("x", 128)
	for _, format := range []string{
		"{%}", "{%:name}", "query %{name}", "{name(%:1)}", "{name(a:%)}", "{name(a:{%:1})}", "{name(a:$%)}", "query($%:Int){name}",
		"query($a:%){name}", "{name @%}", "{...%}", "{...on %{name}}", "{name} fragment % on Query{name}", `{f(a:"" b:"""x""") %}`,
	} {
		err := limits.Limits{}.Check(strings.ReplaceAll(format, "%", long))
		require.NotNil(t, err, format)
		require.Equal(t, problem.QueryTooComplex, err.Code)
		require.Equal(t, "The document has a name longer than 128 bytes", err.Message)
		require.Nil(t, limits.Limits{}.Check(strings.ReplaceAll(format, "%", fits)), format)
	}
	for _, query := range []string{`{f(a:"` + long + `")}`, `{f(a:"""` + long + `""")}`, "{f}#" + long, `{f(a:"\"` + long + `")}`} {
		require.Nil(t, limits.Limits{}.Check(query), query)
	}
}

// create returns the errors that keep exec from executing query.
func create(t *testing.T, exec *executor.Executor, query string, variables map[string]any) gqlerror.List {
	t.Helper()
	_, errs := exec.CreateOperationContext(graphql.StartOperationTrace(t.Context()), &graphql.RawParams{Query: query, Variables: variables})
	return errs
}

// pages makes `arg` cost what a list with a page of n would.
type pages struct{ graphql.ExecutableSchema }

func (pages) Complexity(_ context.Context, _, field string, child int, args map[string]any) (int, bool) {
	if field != "arg" {
		return 0, false
	}
	n, _ := args["n"].(int64)
	return 1 + (child+1)*int(n), true
}

func TestCostCountsPages(t *testing.T) {
	t.Parallel()
	schema, _ := servertest.New()
	exec := executor.New(pages{schema})
	exec.Use(&limits.Cost{Max: 50})
	const query = "query($n:Int){tree{arg(n:$n)}}"
	require.Empty(t, create(t, exec, query, map[string]any{"n": int64(48)}))
	errs := create(t, exec, query, map[string]any{"n": int64(49)})
	require.Len(t, errs, 1)
	require.Equal(t, "QUERY_TOO_COMPLEX", errs[0].Extensions["code"])
	require.Equal(t, "The operation could cost 51, which is more than 50: ask for smaller pages or fewer fields", errs[0].Message)
	require.NotEmpty(t, create(t, exec, "{a:tree{arg(n:30)} b:tree{arg(n:30)}}", nil), "fields add up")
	require.Len(t, create(t, exec, "query A($n:Int){tree{arg(n:$n)}}", map[string]any{"n": int64(1 << 30)}), 1)
}

func TestIntrospectionCanBeSwitchedOff(t *testing.T) {
	t.Parallel()
	for _, on := range []bool{true, false} {
		_, exec := servertest.New()
		exec.Use(limits.Introspection(on))
		for _, query := range []string{
			"{__schema{description}}", `{name t:__type(name:"Query"){name}}`, "{...A} fragment A on Query{...on Query{...B}} fragment B on Query{__schema{description}}",
		} {
			errs := create(t, exec, query, nil)
			if on {
				require.Empty(t, errs, query)
				continue
			}
			require.Len(t, errs, 1, query)
			require.Equal(t, "FORBIDDEN", errs[0].Extensions["code"])
		}
		require.Empty(t, create(t, exec, "{__typename name tree{__typename}}", nil))
	}
}

func TestUnknownFieldsAreToldAFewTimesWithSuggestions(t *testing.T) {
	t.Parallel()
	_, exec := servertest.New()
	limits.SetRules(exec, true)
	for query, want := range map[string]string{
		"{nme}":                     `Cannot query field "nme" on type "Query". Did you mean "name"?`,
		"{zzzzzzzz}":                `Cannot query field "zzzzzzzz" on type "Query".`,
		"{tree{named{left{name}}}}": `Cannot query field "left" on type "Named". Did you mean to use an inline fragment on "Tree"?`,
		"{tree{named{nme}}}":        `Cannot query field "nme" on type "Named". Did you mean "name"?`,
	} {
		errs := create(t, exec, query, nil)
		require.Len(t, errs, 1, query)
		require.Equal(t, want, errs[0].Message)
		require.NotEmpty(t, errs[0].Locations)
	}
	require.Len(t, create(t, exec, "{"+repeated(500, "nme%d")+"}", nil), 10)
}
