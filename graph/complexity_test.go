package graph_test

import (
	"context"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/stretchr/testify/require"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/zeblit/zeblit/graph"
	"github.com/zeblit/zeblit/internal/server/limits"
)

// weighedAbove are lists whose objects are counted where the whole is asked for.
var weighedAbove = map[string]string{
	"Diff.files":       "Query.diff",
	"FileDiff.hunks":   "Query.diff",
	"DiffHunk.lines":   "Query.diff",
	"FileTree.entries": "Project.fileTree",
	"Blame.ranges":     "Project.blame",
}

func TestEveryListOfObjectsHasAWeight(t *testing.T) {
	t.Parallel()
	schema := graph.New(graph.Deps{})
	weighs := func(object, field string) bool {
		const one = 1000
		cost, weighed := schema.Complexity(t.Context(), object, field, one, map[string]any{"ids": []any{"a", "b"}})
		return weighed && cost >= 2*one
	}
	types := schema.Schema().Types
	lists := 0
	for name, d := range types {
		if d.Kind != ast.Object || strings.HasPrefix(name, "__") || strings.HasSuffix(name, "Connection") {
			continue // a connection's nodes and edges are weighed where it is asked for
		}
		for _, f := range d.Fields {
			page := strings.HasSuffix(f.Type.Name(), "Connection")
			if strings.HasPrefix(f.Name, "__") || !page && (f.Type.Elem == nil || !types[f.Type.Name()].IsCompositeType()) {
				continue
			}
			lists++
			list := name + "." + f.Name
			if above := weighedAbove[list]; above != "" {
				object, field, _ := strings.Cut(above, ".")
				require.True(t, weighs(object, field), above)
				continue
			}
			require.True(t, weighs(name, f.Name), "%s has no weight: see complexity.go", list)
		}
	}
	require.Greater(t, lists, 50)
}

func TestWhatCouldBeTooMuchIsRefusedBeforeItIsRead(t *testing.T) {
	t.Parallel()
	exec := executor.New(graph.New(graph.Deps{}))
	exec.Use(&limits.Cost{})
	refused := func(query string) any {
		_, errs := exec.CreateOperationContext(graphql.StartOperationTrace(context.Background()), &graphql.RawParams{Query: query})
		if len(errs) == 0 {
			return nil
		}
		return errs[0].Extensions["code"]
	}
	nested := func(open string, depth int) string {
		return `{ node(id: "x") { ... on Task { ` + strings.Repeat(open, depth) + "id" + strings.Repeat(" }", depth*strings.Count(open, "{")) + " } } }"
	}
	require.Equal(t, "QUERY_TOO_COMPLEX", refused(nested("dependencies { ", 13)))
	require.Equal(t, "QUERY_TOO_COMPLEX", refused(nested("plan { tasks { ", 6)))
	require.Nil(t, refused(nested("dependencies { ", 2)), "people look that far")
	require.Nil(t, refused(`{ node(id: "x") { ... on Project { plans { nodes { id tasks { id title state criteria { text state } dependencies { id } } } } } } }`))
	const texts = `files(first: 100) { edges { node { path text } } }`
	require.Nil(t, refused(`{ project(id: "x") { `+texts+` } }`))
	require.Equal(t, "QUERY_TOO_COMPLEX", refused(`{ project(id: "x") { a: `+texts+` b: `+texts+` } }`), "each may be 100 MiB")
}
