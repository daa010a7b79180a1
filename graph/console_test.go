package graph_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

func TestConsoleOverTheAPI(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		ada, eve := storetest.User(t, db, "ada@example.com"), storetest.User(t, db, "eve@example.com")
		p := storetest.Project(t, db, ada, "P")
		v := map[string]any{"p": p.ID}
		const whose = `query($p: ID!) { node(id: $p) { ... on Project { consoleKey { key scriptUrl createdBy { id } } } } }`
		require.Nil(t, at(b.do(as(ada), t, whose, v), "node", "consoleKey"))
		made := at(b.do(as(ada), t, `mutation($p: ID!) { rotateConsoleKey(input: {projectId: $p}) { consoleKey { key scriptUrl createdBy { id } } } }`, v), "rotateConsoleKey", "consoleKey")
		require.Equal(t, made, at(b.do(as(ada), t, whose, v), "node", "consoleKey"))
		require.Equal(t, "https://zeblit.example/api/v1/console.js?key="+at(made, "key").(string), at(made, "scriptUrl"))
		require.Equal(t, ada.UserID, at(made, "createdBy", "id"))

		// Nobody is signed in where an app reports.
		const report = `mutation($k: String, $p: ID, $e: [ConsoleEntryInput!]!) { reportConsole(input: {key: $k, projectId: $p, session: "s", entries: $e}) { kept } }`
		lines := []any{
			map[string]any{"text": "hello"},
			map[string]any{"level": "ERROR", "text": "boom", "stack": "at f (https://a/b.js:1:2)", "line": 1, "column": 2, "url": "https://a/b.js?x", "uncaught": true, "count": 3},
		}
		require.EqualValues(t, 2, at(b.do(t.Context(), t, report, map[string]any{"k": at(made, "key"), "e": lines}), "reportConsole", "kept"))
		require.EqualValues(t, 1, at(b.do(as(ada), t, report, map[string]any{"p": p.ID, "e": lines[:1]}), "reportConsole", "kept"))
		for _, wrong := range []struct {
			code, field string
			in          map[string]any
		}{
			{"UNAUTHENTICATED", "", map[string]any{"k": "zbc_other", "e": lines}},
			{"NOT_FOUND", "projectId", map[string]any{"p": p.ID, "e": lines}},
			{"BAD_USER_INPUT", "key", map[string]any{"e": lines}},
			{"BAD_USER_INPUT", "projectId", map[string]any{"k": at(made, "key"), "p": p.ID, "e": lines}},
		} {
			_, extensions := b.try(as(eve), t, report, wrong.in)
			require.Equal(t, wrong.code, extensions["code"])
			if wrong.field != "" {
				require.Equal(t, wrong.field, extensions["field"])
			}
		}

		const read = `query($p: ID!, $levels: [ConsoleLevel!], $after: Cursor) { project(id: $p) {
			console(first: 2, levels: $levels, after: $after) { nodes { id level text stack fingerprint url line column uncaught count session userAgent project { id } } pageInfo { hasNextPage endCursor } }
			consoleErrors { nodes { fingerprint message count firstSeen lastSeen sample { text } } pageInfo { hasNextPage } } } }`
		found := at(b.do(as(ada), t, read, v), "project")
		require.Equal(t, true, at(found, "console", "pageInfo", "hasNextPage"))
		nodes := at(found, "console", "nodes").([]any)
		require.Equal(t, "hello", at(nodes[0], "text"), "the newest first")
		failure := nodes[1]
		require.Equal(t, []any{"ERROR", "boom", "https://a/b.js", 1.0, 2.0, true, 3.0, "s", nil, p.ID}, []any{
			at(failure, "level"), at(failure, "text"), at(failure, "url"), at(failure, "line"), at(failure, "column"), at(failure, "uncaught"),
			at(failure, "count"), at(failure, "session"), at(failure, "userAgent"), at(failure, "project", "id"),
		})
		require.Equal(t, []any{nil, nil, nil}, []any{at(nodes[0], "stack"), at(nodes[0], "fingerprint"), at(nodes[0], "line")})
		group := at(found, "consoleErrors", "nodes").([]any)[0]
		require.Equal(t, []any{at(failure, "fingerprint"), "boom", 3.0, "boom"}, []any{at(group, "fingerprint"), at(group, "message"), at(group, "count"), at(group, "sample", "text")})
		require.Equal(t, at(group, "firstSeen"), at(group, "lastSeen"))
		next := b.do(as(ada), t, read, map[string]any{"p": p.ID, "after": at(found, "console", "pageInfo", "endCursor")})
		require.Len(t, at(next, "project", "console", "nodes"), 1)
		require.Equal(t, "boom", at(b.do(as(ada), t, read, map[string]any{"p": p.ID, "levels": []string{"ERROR"}}), "project", "console", "nodes").([]any)[0].(map[string]any)["text"])

		node := map[string]any{"id": at(failure, "id")}
		require.Equal(t, "boom", at(b.do(as(ada), t, `query($id: ID!) { node(id: $id) { ... on ConsoleEntry { text } } }`, node), "node", "text"))
		require.Nil(t, at(b.do(as(eve), t, `query($id: ID!) { node(id: $id) { id } }`, node), "node"))
		for _, mutation := range []string{"rotateConsoleKey(input: {projectId: $p}) { consoleKey { key } }", "revokeConsoleKey(input: {projectId: $p}) { project { id } }", "clearConsole(input: {projectId: $p}) { project { id } }"} {
			_, extensions := b.try(as(eve), t, `mutation($p: ID!) { `+mutation+` }`, v)
			require.Equal(t, "NOT_FOUND", extensions["code"])
		}

		require.Empty(t, at(b.do(as(ada), t, `mutation($p: ID!) { clearConsole(input: {projectId: $p}) { project { console { nodes { id } } } } }`, v), "clearConsole", "project", "console", "nodes"))
		b.do(as(ada), t, `mutation($p: ID!) { revokeConsoleKey(input: {projectId: $p}) { project { id } } }`, v)
		require.Nil(t, at(b.do(as(ada), t, whose, v), "node", "consoleKey"))
	})
}
