package workspace_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/workspace"
)

func TestTree(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		tree := func(folder string, depth int) (out []string) {
			found, err := b.Tree(b.ctx, b.project.ID, folder, "", depth)
			require.NoError(t, err)
			for _, e := range found.Entries {
				if e.Folder {
					out = append(out, e.Path+"/")
				} else {
					out = append(out, fmt.Sprintf("%s %d %d", e.Path, e.Size, e.Mode))
				}
			}
			return out
		}
		require.Empty(t, tree("", 3))
		b.commit(t, write("lib.go", "12"), as(workspace.Executable, write("lib/x", "1")), write("lib/sub/y", "123"), as(workspace.Symlink, write("z", "lib")))
		require.Equal(t, []string{"lib/", "lib.go 2 1", "z 3 3"}, tree("", 1))
		require.Equal(t, []string{"lib/", "lib/sub/", "lib/sub/y 3 1", "lib/x 1 2", "lib.go 2 1", "z 3 3"}, tree("", 3))
		require.Equal(t, []string{"lib/sub/", "lib/x 1 2"}, tree("lib/", 1))
		for folder, depth := range map[string]int{"": 0, "lib": workspace.MaxTreeDepth + 1} {
			_, err := b.Tree(b.ctx, b.project.ID, folder, "", depth)
			requireProblem(t, err, problem.BadInput, "depth")
		}
		for _, folder := range []string{"nothing", "lib.go", "z"} {
			_, err := b.Tree(b.ctx, b.project.ID, folder, "", 1)
			requireProblem(t, err, problem.NotFound, "path")
		}
		var many []workspace.Change
		for i := range workspace.MaxTreeEntries {
			many = append(many, write(fmt.Sprintf("many/%d", i), "x"))
		}
		b.commit(t, many...)
		found, err := b.Tree(b.ctx, b.project.ID, "", "", 2)
		require.NoError(t, err)
		require.True(t, found.Truncated)
		require.Len(t, found.Entries, workspace.MaxTreeEntries)
	})
}

func TestSearch(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		b.commit(t, write("a.go", "one\nTWO two\nthree\n"), write("b/c.txt", "two\r\n"), write("b/bin", "two\x00"), as(workspace.Symlink, write("link", "two")),
			write("u.txt", "𝒳é two"), write("b/long", strings.Repeat("x", 3000)+"two"+strings.Repeat("y", 3000)))
		search := func(s workspace.Search) (out []string) {
			var after *workspace.Place
			for {
				found, err := b.Search(b.ctx, b.project.ID, s, after, 2)
				require.NoError(t, err)
				require.Len(t, found.Places, len(found.Matches))
				for _, m := range found.Matches {
					out = append(out, fmt.Sprintf("%s:%d:%d", m.Path, m.Line, m.Column))
				}
				if !found.HasMore {
					return out
				}
				after = &found.Last
			}
		}
		require.Equal(t, []string{"a.go:2:1", "a.go:2:5", "b/c.txt:1:1", "b/long:1:3001", "u.txt:1:5"}, search(workspace.Search{Pattern: "two"}))
		require.Equal(t, []string{"a.go:2:5", "b/c.txt:1:1", "b/long:1:3001", "u.txt:1:5"}, search(workspace.Search{Pattern: "two", CaseSensitive: true}))
		require.Equal(t, []string{"a.go:1:1", "a.go:3:1"}, search(workspace.Search{Pattern: "^(one|thr.*)$", Regexp: true}))
		require.Equal(t, []string{"b/c.txt:1:1", "u.txt:1:5"}, search(workspace.Search{Pattern: "two", Glob: "*.txt"}))
		require.Equal(t, []string{"u.txt:1:5"}, search(workspace.Search{Pattern: "two", Glob: "**/*.txt", Exclude: "b/**"}))
		require.Equal(t, []string{"a.go:0:0", "b/bin:0:0", "b/c.txt:0:0", "b/long:0:0"}, search(workspace.Search{Glob: "{a.go,b/**}"}))
		require.Empty(t, search(workspace.Search{Pattern: ".*", Glob: "*.txt"}), "it is no regular expression")

		found, err := b.Search(b.ctx, b.project.ID, workspace.Search{Pattern: "TWO", CaseSensitive: true, Context: 5}, nil, 10)
		require.NoError(t, err)
		m := found.Matches[0]
		require.Equal(t, []any{"TWO two", 0, 3, []string{"one"}, []string{"three"}}, []any{m.Text, m.Start, m.Length, m.Before, m.After})
		found, err = b.Search(b.ctx, b.project.ID, workspace.Search{Pattern: "two", Glob: "long"}, nil, 10)
		require.NoError(t, err)
		m = found.Matches[0]
		require.Len(t, m.Text, 400)
		require.Equal(t, "two", m.Text[m.Start:m.Start+m.Length])

		for _, s := range []workspace.Search{
			{}, {Pattern: "(", Regexp: true}, {Pattern: `(?=a)`, Regexp: true}, {Pattern: "a\nb"}, {Pattern: "\xff"}, {Pattern: strings.Repeat("x", 1001)},
			{Pattern: strings.Repeat("(x{1000}){1000}", 3), Regexp: true},
		} {
			_, err := b.Search(b.ctx, b.project.ID, s, nil, 1)
			requireProblem(t, err, problem.BadInput, "query.pattern")
		}
		_, err = b.Search(b.ctx, b.project.ID, workspace.Search{Glob: "[a"}, nil, 1)
		requireProblem(t, err, problem.BadInput, "query.glob")
		_, err = b.Search(b.ctx, b.project.ID, workspace.Search{Pattern: "a", Context: 11}, nil, 1)
		requireProblem(t, err, problem.BadInput, "query.context")
		_, err = b.Search(b.ctx, b.project.ID, workspace.Search{Pattern: "a", Ref: "nowhere"}, nil, 1)
		requireProblem(t, err, problem.NotFound, "ref")
	})
}

func TestSearchEndsAfterManyMatches(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t))
	b.commit(t, write("a", strings.Repeat("x\n", workspace.MaxMatches+1)))
	found, err := b.Search(b.ctx, b.project.ID, workspace.Search{Pattern: "x"}, nil, workspace.MaxMatches*2)
	require.NoError(t, err)
	require.True(t, found.Truncated)
	require.False(t, found.HasMore)
	require.Len(t, found.Matches, workspace.MaxMatches)
}
