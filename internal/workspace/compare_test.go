package workspace_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/workspace"
)

func TestCompareTwoCommits(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		first := b.commit(t, write("a/same", "1"), write("a/b/changed", "1"), write("a/b/gone", "1"), write("x", "1"), write("run.sh", "1"))
		second := b.commit(t, write("a/b/changed", "2"), remove("a/b/gone"), remove("x"), write("x/now/folder", "1"),
			workspace.Change{Path: "run.sh", Mode: workspace.Executable})
		compare := func(from, to string) map[string]enum.FileChange {
			found, err := b.Compare(b.ctx, b.project.ID, from, to)
			require.NoError(t, err)
			out := map[string]enum.FileChange{}
			for i, d := range found {
				require.True(t, i == 0 || found[i-1].Path < d.Path)
				require.Equal(t, d.Before.Revision == "", d.Change == enum.FileCreated)
				require.Equal(t, d.After.Revision == "", d.Change == enum.FileDeleted)
				out[d.Path] = d.Change
			}
			return out
		}
		require.Equal(t, map[string]enum.FileChange{
			"a/b/changed": enum.FileModified, "a/b/gone": enum.FileDeleted, "run.sh": enum.FileModified,
			"x": enum.FileDeleted, "x/now/folder": enum.FileCreated,
		}, compare(first, ""))
		require.Equal(t, enum.FileCreated, compare(second, first)["a/b/gone"])
		require.Empty(t, compare(second, "main"))
		_, err := b.Compare(b.ctx, b.project.ID, "nowhere", "")
		requireProblem(t, err, problem.NotFound, "ref")
	})
}
