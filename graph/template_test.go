package graph_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/template"
)

func TestAProjectStartsFromATemplate(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		ada := storetest.User(t, db, "ada@example.com")
		listed := at(b.do(as(ada), t, `{ templates { slug name description files install build test start image } }`, nil), "templates").([]any)
		require.Len(t, listed, len(template.All()))
		const create = `mutation($t: String, $k: String) { createProject(input: {name: "Shop", template: $t, idempotencyKey: $k}) { project {
			id headCursor files(first: 100) { nodes { path } } file(path: "README.md") { text } commits { nodes { message } } } } }`
		for _, one := range listed {
			v := map[string]any{"t": at(one, "slug"), "k": at(one, "slug")}
			p := at(b.do(as(ada), t, create, v), "createProject", "project")
			var paths []any
			for _, f := range at(p, "files", "nodes").([]any) {
				paths = append(paths, at(f, "path"))
			}
			require.ElementsMatch(t, at(one, "files"), paths)
			require.Contains(t, at(p, "file", "text"), "# Shop\n")
			require.Len(t, at(p, "commits", "nodes"), 1)
			require.Equal(t, p, at(b.do(as(ada), t, create, v), "createProject", "project"), "the same once more")
		}
		first := at(listed[0], "start")
		require.Nil(t, first, "the empty one has nothing to start")
		count := func() int {
			n, err := db.Ent.Project.Query().Count(as(ada))
			require.NoError(t, err)
			return n
		}
		before := count()
		_, extensions := b.try(as(ada), t, create, map[string]any{"t": "rails"})
		require.Equal(t, map[string]any{"code": "BAD_USER_INPUT", "field": "template"}, extensions)
		require.Equal(t, before, count())
	})
}
