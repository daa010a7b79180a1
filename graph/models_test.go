package graph_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/catalogue"
	"github.com/zeblit/zeblit/internal/llm/demo"
	"github.com/zeblit/zeblit/internal/llm/route"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

// models are those of an installation with Anthropic and a server of its own.
func models(t *testing.T) *route.Router {
	t.Helper()
	known, err := catalogue.New([]byte(`[{"provider": "own", "id": "qwen", "outputLimit": 100}]`))
	require.NoError(t, err)
	router, err := route.New(route.Options{Catalogue: known, Servers: []route.Server{
		{Name: "own", Provider: demo.New(demo.Options{}), Models: []string{"qwen"}, Default: "qwen"},
		{Name: "anthropic", Provider: demo.New(demo.Options{}), Default: "claude-sonnet-5-5"},
	}})
	require.NoError(t, err)
	return router
}

const listModels = `query($after: Cursor, $configured: Boolean) { models(first: 100, after: $after, configured: $configured) {
	nodes { id name label provider configured demo contextWindow outputLimit priced abilities efforts
		price { input output cacheRead cacheWrite asOf long { above input output cacheRead cacheWrite } }
		health { state lastSuccessAt lastFailureAt lastFailure calls errorRate latencyMs resetsAt retryAt } }
	pageInfo { hasNextPage endCursor } } }`

func TestModels(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	b, ada := setup(t, db), storetest.User(t, db, "ada@example.com")
	list := func(configured any) (all []map[string]any) {
		var after any
		for {
			page := at(b.do(as(ada), t, listModels, map[string]any{"configured": configured, "after": after}), "models")
			for _, node := range at(page, "nodes").([]any) {
				all = append(all, node.(map[string]any))
			}
			if after = at(page, "pageInfo", "endCursor"); at(page, "pageInfo", "hasNextPage") == false {
				return all
			}
		}
	}
	all := list(nil)
	mine, others := list(true), list(false)
	require.Equal(t, all, slices.Concat(mine, others), "the configured come first")
	require.Greater(t, len(others), 100)
	for _, m := range others {
		require.NotEqual(t, "demo", m["provider"])
		require.Nil(t, m["health"])
	}

	require.Equal(t, map[string]any{
		"id": "own/qwen", "name": "qwen", "label": "qwen", "provider": "own", "configured": true, "demo": false,
		"contextWindow": nil, "outputLimit": 100.0, "priced": false, "price": nil, "abilities": []any{"TOOLS"}, "efforts": []any{},
		"health": map[string]any{"state": "UNKNOWN", "lastSuccessAt": nil, "lastFailureAt": nil, "lastFailure": nil, "calls": 0.0,
			"errorRate": nil, "latencyMs": nil, "resetsAt": nil, "retryAt": nil},
	}, mine[0])
	i := slices.IndexFunc(mine, func(m map[string]any) bool { return m["id"] == "anthropic/claude-haiku-5-5" })
	require.GreaterOrEqual(t, i, 0)
	haiku := mine[i]
	require.Equal(t, map[string]any{
		"input": "0.1", "output": "0.5", "cacheRead": "0.01", "cacheWrite": "0.125", "asOf": "2026-10-24",
		"long": map[string]any{"above": 100000.0, "input": "0.5", "output": "2.5", "cacheRead": "0.05", "cacheWrite": "0.625"},
	}, haiku["price"])
	require.Equal(t, []any{"TOOLS", "IMAGES", "REASONING"}, haiku["abilities"])
	require.Equal(t, 1_000_000.0, haiku["contextWindow"])

	_, ext := b.try(context.Background(), t, listModels, nil)
	require.Equal(t, "UNAUTHENTICATED", ext["code"])
	_, ext = b.try(as(ada), t, listModels, map[string]any{"configured": false, "after": "nonsense"})
	require.Equal(t, map[string]any{"code": "BAD_USER_INPUT", "field": "after"}, ext)
}

func TestTheHealthOfModels(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	b, ada := setup(t, db), storetest.User(t, db, "ada@example.com")
	health := func() any {
		return at(b.do(as(ada), t, listModels, map[string]any{"configured": true}), "models", "nodes", 0, "health")
	}
	qwen := route.Candidate{Server: "own", Model: catalogue.Model{ID: "qwen"}}
	b.models.Report(qwen, nil, 1500*time.Millisecond)
	b.models.Report(qwen, &llm.Error{Kind: llm.KindOverloaded, Message: "slow down", RetryAfter: time.Hour}, 0)
	h := health()
	require.Equal(t, "LIMITED", at(h, "state"))
	require.Equal(t, 0.5, at(h, "errorRate"))
	require.Equal(t, 1500.0, at(h, "latencyMs"))
	require.Equal(t, "model overloaded: slow down", at(h, "lastFailure"))
	for _, field := range []string{"lastSuccessAt", "lastFailureAt", "resetsAt"} {
		_, err := time.Parse(time.RFC3339, at(h, field).(string))
		require.NoError(t, err)
	}
	b.models.Report(qwen, nil, time.Second)
	require.Equal(t, "HEALTHY", at(health(), "state"))
	b.models.Report(qwen, &llm.Error{Kind: llm.KindAuth, Status: 401, Message: "no such key"}, 0)
	require.Equal(t, "DOWN", at(health(), "state"))
	require.NotNil(t, at(health(), "retryAt"))
}
