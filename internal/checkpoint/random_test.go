package checkpoint_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zeblit/zeblit/internal/agent/tools"
	"github.com/zeblit/zeblit/internal/checkpoint"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/workspace"
)

// Whatever tools, people and commands do after a checkpoint: going back to it makes the
// branch and the worktree what they were, byte for byte, with modes, links and files that
// the branch doesn't keep; and going back to the undo takes that back. There are 1,000
// sequences on SQLite, and some on PostgreSQL.
func TestGoingBackIsExact(t *testing.T) {
	t.Parallel()
	shard := func(t *testing.T, db *store.DB, most int) {
		b := setup(t, db, checkpoint.Retention{})
		rapid.Check(t, func(r *rapid.T) {
			if most--; most < 0 {
				return
			}
			b.again(t)
			b.sequence(r)
		})
	}
	for i := range 10 {
		t.Run(fmt.Sprint("sqlite", i), func(t *testing.T) {
			t.Parallel()
			most := 100
			if testing.Short() { // the race detector looks at the same code, several times slower
				most = 10
			}
			shard(t, storetest.SQLite(t), most)
		})
	}
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		shard(t, storetest.Postgres(t), 30)
	})
}

func (b *bundle) sequence(t *rapid.T) {
	for range rapid.IntRange(0, 2).Draw(t, "before") {
		b.act(t)
	}
	c := b.record(t, checkpoint.Point{})
	branch, worktree := b.now(t), maps.Clone(b.shell.files)
	for range rapid.IntRange(1, 3).Draw(t, "after") {
		b.act(t)
	}
	leftBranch, leftWorktree := b.now(t), maps.Clone(b.shell.files)

	in := checkpoint.Input{CheckpointID: c.ID, Files: true}
	if rapid.IntRange(0, 3).Draw(t, "scope") == 0 {
		in.Paths = []string{rapid.SampledFrom([]string{"a", "e", "e/f", "ignored"}).Draw(t, "only")}
		for _, both := range [][2]map[string]file{{branch, leftBranch}, {worktree, leftWorktree}} {
			keepOutside(both[0], both[1], in.Paths[0])
		}
	}
	in.Preview = true
	told := b.restore(t, in)
	require.False(t, told.Applied)
	require.Equal(t, leftBranch, b.now(t), "a preview does nothing")
	in.Preview = false
	done := b.restore(t, in)
	require.Equal(t, told.Files, done.Files)
	require.Equal(t, branch, b.now(t))
	require.Equal(t, worktree, b.shell.files)

	b.restore(t, checkpoint.Input{CheckpointID: done.Undo.ID, Files: true})
	require.Equal(t, leftBranch, b.now(t))
	require.Equal(t, leftWorktree, b.shell.files)
}

// keepOutside makes want what it becomes when only path is taken from it.
func keepOutside(want, left map[string]file, path string) {
	inside := func(p string, _ file) bool { return p == path || strings.HasPrefix(p, path+"/") }
	outside := func(p string, f file) bool { return !inside(p, f) }
	maps.DeleteFunc(want, outside)
	for p, f := range left {
		if outside(p, f) {
			want[p] = f
		}
	}
}

var paths = []string{"a", "b", "e/x", "e/f/y", "e/f/z", "ü/ß"}

var contents = rapid.SampledFrom([]string{"", "one\n", "two\n", "a\r\nb", "\x00\xff\x01", strings.Repeat("long\n", 500)})

// act changes something, as one of those who do.
func (b *bundle) act(t *rapid.T) {
	switch who := rapid.SampledFrom([]string{"write_file", "edit_file", "person", "shell", "shell"}).Draw(t, "who"); who {
	case "write_file":
		b.tool(t, who, map[string]any{"path": rapid.SampledFrom(paths).Draw(t, "path"), "text": rapid.SampledFrom([]string{"", "one\n", "two\n"}).Draw(t, "text")})
	case "edit_file":
		now := b.now(t)
		for _, p := range slices.Sorted(maps.Keys(now)) {
			if now[p].text == "one\n" && now[p].mode != workspace.Symlink {
				b.tool(t, who, map[string]any{"path": p, "old_text": "one", "new_text": "edited"})
				return
			}
		}
	case "person":
		path := rapid.SampledFrom(paths).Draw(t, "path")
		change := workspace.Change{Path: path}
		if _, there := b.now(t)[path]; !there || rapid.Bool().Draw(t, "writes") {
			text := contents.Draw(t, "content")
			change.Content, change.Mode = &text, rapid.SampledFrom([]workspace.Mode{workspace.Keep, workspace.Regular, workspace.Executable}).Draw(t, "mode")
		}
		b.change(t, change)
	default:
		for range rapid.IntRange(1, 3).Draw(t, "files") {
			b.shell.touch(t)
		}
		b.shell.sync(t)
	}
}

func (b *bundle) tool(t *rapid.T, name string, input map[string]any) {
	tool := tools.Find(name)
	require.True(t, tools.Writes(tool))
	raw, err := json.Marshal(input)
	require.NoError(t, err)
	out, err := tool.Run(b.ctx, tools.Env{Files: b.files, ProjectID: b.project.ID, Branch: workspace.Main(b.project.ID)}, raw)
	require.NoError(t, err)
	b.change(t, out.Changes...)
}

// change commits, and the worktree follows.
func (b *bundle) change(t *rapid.T, changes ...workspace.Change) {
	_, err := b.files.Commit(b.ctx, workspace.Main(b.project.ID), workspace.Author{}, "change", changes...)
	require.NoError(t, err)
	ignored := maps.Clone(b.shell.files)
	maps.DeleteFunc(ignored, func(p string, _ file) bool { return !strings.HasPrefix(p, "ignored/") })
	b.shell.files = b.now(t)
	maps.Copy(b.shell.files, ignored)
}

// touch does one thing that a command may do.
func (s *shell) touch(t *rapid.T) {
	p := rapid.SampledFrom(append([]string{"ignored/cache", "ignored/lib", "run.sh"}, paths...)).Draw(t, "file")
	switch rapid.SampledFrom([]string{"write", "write", "link", "delete"}).Draw(t, "what") {
	case "write":
		s.files[p] = file{rapid.SampledFrom([]workspace.Mode{workspace.Regular, workspace.Executable}).Draw(t, "mode"), contents.Draw(t, "content")}
	case "link":
		s.files[p] = file{workspace.Symlink, rapid.SampledFrom([]string{"a", "../elsewhere", "/dev/null"}).Draw(t, "target")}
	default:
		delete(s.files, p)
	}
}
