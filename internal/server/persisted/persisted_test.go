package persisted_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/server/limits"
	"github.com/zeblit/zeblit/internal/server/persisted"
	"github.com/zeblit/zeblit/internal/server/servertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func setup(count, bytes int) (*persisted.Queries, *executor.Executor) {
	queries := persisted.New(count, bytes)
	_, exec := servertest.New()
	exec.Use(queries.Find())
	exec.Use(limits.Limits{})
	exec.Use(queries.Keep())
	return queries, exec
}

func hashOf(query string) string {
	sum := sha256.Sum256([]byte(query))
	return hex.EncodeToString(sum[:])
}

type object = map[string]any

func named(hash any) object {
	return object{"persistedQuery": object{"version": int64(1), "sha256Hash": hash}}
}

// ask returns the code of the refusal, or "", and its message.
func ask(t *testing.T, exec *executor.Executor, query string, extensions object) (code, message string) {
	t.Helper()
	_, errs := exec.CreateOperationContext(graphql.StartOperationTrace(t.Context()), &graphql.RawParams{Query: query, Extensions: extensions})
	if len(errs) == 0 {
		return "", ""
	}
	code, _ = errs[0].Extensions["code"].(string)
	return code, errs[0].Message
}

func TestADocumentIsFoundByItsHashOnceItWasSent(t *testing.T) {
	t.Parallel()
	queries, exec := setup(10, 1<<20)
	const query = "{name}"
	code, message := ask(t, exec, "", named(hashOf(query)))
	require.Equal(t, "PERSISTED_QUERY_NOT_FOUND", code)
	require.Equal(t, "PersistedQueryNotFound", message)
	for _, sent := range []string{query, "", query} {
		code, _ = ask(t, exec, sent, named(hashOf(query)))
		require.Empty(t, code)
	}
	code, _ = ask(t, exec, "", named(strings.ToUpper(hashOf(query))))
	require.Empty(t, code)
	require.Equal(t, 1, queries.Len())
}

func TestAHashOfAnotherDocumentIsRefused(t *testing.T) {
	t.Parallel()
	queries, exec := setup(10, 1<<20)
	code, message := ask(t, exec, "{name}", named(hashOf("{broken}")))
	require.Equal(t, "BAD_USER_INPUT", code)
	require.Equal(t, "sha256Hash is not the SHA-256 of query", message)
	require.Zero(t, queries.Len())
}

func TestMalformedExtensionsAreRefused(t *testing.T) {
	t.Parallel()
	_, exec := setup(10, 1<<20)
	good := hashOf("{name}")
	for _, extension := range []any{
		"text", []any{}, true, object{}, object{"version": int64(1)}, object{"sha256Hash": good},
		object{"version": int64(2), "sha256Hash": good}, object{"version": "1", "sha256Hash": good},
		object{"version": int64(1), "sha256Hash": 7}, object{"version": int64(1), "sha256Hash": good[1:]},
		object{"version": int64(1), "sha256Hash": "zz" + good[2:]}, object{"version": int64(1), "sha256Hash": good + "00"},
	} {
		code, _ := ask(t, exec, "{name}", object{"persistedQuery": extension})
		require.Equal(t, "BAD_USER_INPUT", code, extension)
	}
	for _, extensions := range []object{nil, {}, {"persistedQuery": nil}, {"other": true}} {
		code, _ := ask(t, exec, "{name}", extensions)
		require.Empty(t, code)
	}
}

func TestOnlyWhatMayBeExecutedIsKept(t *testing.T) {
	t.Parallel()
	queries, exec := setup(10, 1<<20)
	for query, want := range map[string]string{
		"{":         "GRAPHQL_PARSE_FAILED",
		"{nothing}": "GRAPHQL_VALIDATION_FAILED",
		"{" + strings.Repeat("name ", 5000) + "}":       "QUERY_TOO_COMPLEX",
		"query($input: EchoInput!){echo(input:$input)}": "GRAPHQL_VALIDATION_FAILED",
	} {
		code, _ := ask(t, exec, query, named(hashOf(query)))
		require.Equal(t, want, code)
		code, _ = ask(t, exec, "", named(hashOf(query)))
		require.Equal(t, "PERSISTED_QUERY_NOT_FOUND", code)
	}
	code, _ := ask(t, exec, "{name}", nil)
	require.Empty(t, code)
	require.Zero(t, queries.Len(), "without a hash nothing is kept")
}

func TestTheLeastRecentlyUsedGoesFirst(t *testing.T) {
	t.Parallel()
	queries, exec := setup(2, 1<<20)
	known := func(query string) bool {
		code, _ := ask(t, exec, "", named(hashOf(query)))
		return code == ""
	}
	send := func(query string) {
		code, _ := ask(t, exec, query, named(hashOf(query)))
		require.Empty(t, code)
	}
	send("{a:name}")
	send("{b:name}")
	require.True(t, known("{a:name}"))
	send("{c:name}")
	require.True(t, known("{a:name}"))
	require.False(t, known("{b:name}"))
	require.True(t, known("{c:name}"))
	require.Equal(t, 2, queries.Len())
}

func TestBytesAreBounded(t *testing.T) {
	t.Parallel()
	queries, exec := setup(1000, 10_000)
	for i := range 500 {
		query := fmt.Sprintf("{a%d:name}#%s", i, strings.Repeat("x", 744)) // with its overhead more than 1,000 bytes
		code, _ := ask(t, exec, query, named(hashOf(query)))
		require.Empty(t, code)
		require.LessOrEqual(t, queries.Len(), 9)
	}
	before := queries.Len()
	large := "{name}#" + strings.Repeat("x", 10_000)
	code, _ := ask(t, exec, large, named(hashOf(large)))
	require.Empty(t, code)
	require.Equal(t, before, queries.Len(), "one that fits nowhere drives nothing out")
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	queries, exec := setup(5, 1<<20)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 200 {
				query := fmt.Sprintf("{a%d:name}", (i+j)%9)
				if code, _ := ask(t, exec, "", named(hashOf(query))); code != "" {
					_, _ = ask(t, exec, query, named(hashOf(query)))
				}
			}
		})
	}
	all.Wait()
	require.Equal(t, 5, queries.Len())
}
