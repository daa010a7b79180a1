package workspace_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/workspace"
)

func TestFileHistoryAndBlameFollowMoves(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		hashes := []string{
			b.commit(t, write("a", "1\n2\n3\n"), write("other", "x")),
			b.commit(t, write("other", "y")),
			b.commit(t, write("a", "0\n1\n2\n3\n")),
			b.change(t, moveOp("a", "b")),
			b.commit(t, write("b", "0\n1\nnew\n3\n")),
			b.commit(t, as(workspace.Executable, workspace.Change{Path: "b"})),
			b.commit(t, remove("b")),
		}
		history := func(path, ref string) (out []string) {
			var after *workspace.Step
			for {
				found, err := b.FileHistory(b.ctx, b.project.ID, path, ref, after, 2)
				require.NoError(t, err)
				for _, v := range found.Versions {
					for i, h := range hashes {
						if h == v.Commit.Hash {
							out = append(out, fmt.Sprintf("%d %s %s<%s", i, v.Change, v.Path, v.Previous))
						}
					}
				}
				if after = found.Next; after == nil {
					return out
				}
			}
		}
		require.Equal(t, []string{"6 DELETED b<", "5 MODIFIED b<", "4 MODIFIED b<", "3 MODIFIED b<a", "2 MODIFIED a<", "0 CREATED a<"}, history("b", ""))
		require.Equal(t, []string{"3 DELETED a<", "2 MODIFIED a<", "0 CREATED a<"}, history("a", ""))
		require.Equal(t, []string{"2 MODIFIED a<", "0 CREATED a<"}, history("a", hashes[2]))
		_, err := b.FileHistory(b.ctx, b.project.ID, "never", "", nil, 10)
		requireProblem(t, err, problem.NotFound, "path")

		blame, err := b.Blame(b.ctx, b.project.ID, "b", hashes[5])
		require.NoError(t, err)
		var got []string
		for _, r := range blame.Ranges {
			got = append(got, fmt.Sprintf("%d-%d %s:%d %t", r.Start, r.End, r.Path, r.OriginalStart, r.Commit.Hash == hashes[map[int]int{1: 2, 2: 0, 3: 4, 4: 0}[r.Start]]))
		}
		require.Equal(t, []string{"1-1 a:1 true", "2-2 a:1 true", "3-3 b:3 true", "4-4 a:3 true"}, got)
		require.False(t, blame.Truncated)
		b.commit(t, write("bin", "a\x00"))
		_, err = b.Blame(b.ctx, b.project.ID, "bin", "")
		requireProblem(t, err, problem.BadInput, "path")
		_, err = b.Blame(b.ctx, b.project.ID, "b", "")
		requireProblem(t, err, problem.NotFound, "path")
	})
}

func TestDiff(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		long := strings.Repeat("line\nother\nthird\n", 20)
		first := b.commit(t, write("a", "1\n2\n3\n4\n5\n6\n7\n8\n9\n"), write("gone", "x"), write("moved", "same"), write("edited", long+"end\n"), write("run", "x"), write("bin", "\x00"))
		second := b.commit(t, write("a", "1\n2\nthree\n4\n5\n6\n7\n8\n9\n10"), remove("gone"), remove("moved"), write("to/moved", "same"),
			remove("edited"), write("to/edited", "start\n"+long+"end\n"), as(workspace.Executable, workspace.Change{Path: "run"}), write("bin", "\x00\x01"), write("new", "n\n"))
		d, err := b.Diff(b.ctx, b.project.ID, "", "", "")
		require.NoError(t, err)
		require.Equal(t, []any{first, second, false}, []any{d.From, d.To, d.Truncated})
		var got []string
		for _, f := range d.Files {
			got = append(got, fmt.Sprintf("%s %s<%s +%d -%d %d %t", f.Status, f.Path, f.Previous, f.Additions, f.Deletions, f.Similarity, f.IsBinary))
		}
		require.Equal(t, []string{
			"MODIFIED a< +2 -1 0 false", "MODIFIED bin< +0 -0 0 true", "DELETED gone< +0 -1 0 false", "ADDED new< +1 -0 0 false",
			"MODIFIED run< +0 -0 0 false", "RENAMED to/edited<edited +1 -0 98 false", "RENAMED to/moved<moved +0 -0 100 false",
		}, got)
		a := d.Files[0].Hunks
		require.Len(t, a, 1)
		require.Equal(t, []int{1, 9, 1, 10}, []int{a[0].OldStart, a[0].OldLines, a[0].NewStart, a[0].NewLines})
		require.Equal(t, workspace.DiffLine{Kind: '+', New: 10, Text: "10", NoNewline: true}, a[0].Lines[len(a[0].Lines)-1])
		only, err := b.Diff(b.ctx, b.project.ID, first, second, "to")
		require.NoError(t, err)
		require.Len(t, only.Files, 2)
		back, err := b.Diff(b.ctx, b.project.ID, second, first, "new")
		require.NoError(t, err)
		require.Equal(t, workspace.Deleted, back.Files[0].Status)
		_, err = b.Diff(b.ctx, b.project.ID, "nowhere", "", "")
		requireProblem(t, err, problem.NotFound, "from")
		_, err = b.Diff(b.ctx, b.project.ID, "", "nowhere", "")
		requireProblem(t, err, problem.NotFound, "to")

		b.commit(t, write("huge", strings.Repeat("x\n", workspace.MaxDiffLines+5)))
		d, err = b.Diff(b.ctx, b.project.ID, "", "", "")
		require.NoError(t, err)
		require.True(t, d.Truncated)
		require.Len(t, d.Files[0].Hunks[0].Lines, workspace.MaxDiffLines)
	})
}

// git takes our patches and comes to the same texts.
func TestGitAppliesPatches(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t))
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a test
	words := func() string {
		var out strings.Builder
		for range random.IntN(30) {
			out.WriteString([]string{"a\n", "b\n", "c c\n", "\n"}[random.IntN(4)])
		}
		if random.IntN(3) == 0 {
			out.WriteString("no newline")
		}
		return out.String()
	}
	paths := []string{"x", "with space", "d/y", `q"uote`}
	for range 25 {
		var before, after []workspace.Change
		dir := t.TempDir()
		old, now := map[string]string{}, map[string]string{}
		for _, p := range paths {
			old[p], now[p] = words(), words()
			before, after = append(before, write(p, old[p])), append(after, write(p, now[p]))
			require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, p)), 0o750))
			require.NoError(t, os.WriteFile(filepath.Join(dir, p), []byte(old[p]), 0o600))
		}
		first, second := b.commit(t, before...), b.commit(t, after...)
		d, err := b.Diff(b.ctx, b.project.ID, first, second, "")
		require.NoError(t, err)
		if len(d.Files) == 0 {
			continue
		}
		cmd := exec.CommandContext(b.ctx, "git", "apply", "--whitespace=nowarn", "-")
		cmd.Dir, cmd.Stdin = dir, strings.NewReader(d.Patch())
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s\n%s", out, d.Patch())
		for _, p := range paths {
			got, err := os.ReadFile(filepath.Join(dir, p))
			require.NoError(t, err)
			require.Equal(t, now[p], string(got))
		}
	}
}
