package command_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/checkpoint"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/workspace"
)

var sequences = flag.Int("sequences", 40, "how many random sequences are tried on each database")

// listing prints all files of the worktree with their modes, contents and targets.
const listing = `find . -type f -printf '%p %m ' -exec sha1sum {} \; -o -type l -printf '%p -> %l\n' | LC_ALL=C sort`

// Random edits by people and by commands, of tracked and ignored files, with modes and
// links: going back to a checkpoint, and undoing that, gives every byte back.
func TestCheckpointsOfSandboxesAreExact(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bundle) {
		checkpoints := checkpoint.New(b.db, b.log, b.files, b.Service, checkpoint.Retention{}, slog.New(slog.DiscardHandler))
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		r := rand.New(rand.NewPCG(seed, 1))
		b.write(t, ".gitignore", "*.log\n/out/\n")
		most := *sequences
		if testing.Short() { // the race detector looks at the same code, several times slower
			most /= 4
		}
		for range most {
			b.edit(t, r)
			before := b.printed(t, b.sh(t, listing))
			c := b.record(t, checkpoints)
			b.edit(t, r)
			after := b.printed(t, b.sh(t, listing))

			undo := b.restore(t, checkpoints, c)
			require.Equal(t, before, b.printed(t, b.sh(t, listing)))
			b.restore(t, checkpoints, undo)
			require.Equal(t, after, b.printed(t, b.sh(t, listing)))
		}
	})
}

// edit makes some random changes, by commits and by one command.
func (b *bundle) edit(t *testing.T, r *rand.Rand) {
	t.Helper()
	names := []string{"a", "b", "d/a", "d/e/f", "x.log", "d/y.log", "out/o", "out/p/q", "run.sh", "a b", "ü"}
	pick := func() string { return names[r.IntN(len(names))] }
	for range r.IntN(3) {
		text := fmt.Sprint(r.Uint64())
		change := workspace.Change{Path: []string{"a", "b", "d/a", "z/z"}[r.IntN(4)], Content: &text}
		if r.IntN(4) == 0 {
			change.Mode = workspace.Executable
		}
		author := workspace.Author{Name: "Ada", Email: "ada@example.com"}
		_, err := b.files.Commit(b.ctx, workspace.Main(b.project.ID), author, "edit", change)
		if p := problem.As(err); p == nil || p.Code != problem.Conflict { // a folder may be there
			require.NoError(t, err)
		}
	}
	var line strings.Builder
	for range 1 + r.IntN(6) {
		p := pick()
		fmt.Fprintf(&line, "p='%s'; ", p)
		switch r.IntN(7) {
		case 0, 1, 2:
			fmt.Fprintf(&line, "rm -rf \"$p\"; mkdir -p \"$(dirname \"$p\")\" && printf '%%s' '%d' > \"$p\"; ", r.Uint64())
		case 3:
			line.WriteString("test -f \"$p\" && ! test -L \"$p\" && chmod +x \"$p\"; ")
		case 4:
			fmt.Fprintf(&line, "rm -rf \"$p\"; mkdir -p \"$(dirname \"$p\")\" && ln -s '%s' \"$p\"; ", pick())
		case 5:
			line.WriteString("rm -rf \"$p\"; ")
		case 6:
			fmt.Fprintf(&line, "head -c %d /dev/urandom > bytes%d; ", r.IntN(100_000), r.IntN(3))
		}
	}
	c := b.sh(t, line.String()+"true")
	require.Equal(t, enum.CommandExited, c.State, c.Note)
	require.Empty(t, c.Note)
}

func (b *bundle) record(t *testing.T, checkpoints *checkpoint.Service) *ent.Checkpoint {
	t.Helper()
	on := workspace.Main(b.project.ID)
	beside, err := checkpoints.Snapshot(b.ctx, on)
	require.NoError(t, err)
	var c *ent.Checkpoint
	require.NoError(t, b.db.InTx(b.ctx, func(ctx context.Context, tx *store.Tx) error {
		c, err = checkpoints.Record(ctx, tx, checkpoint.Point{On: on, Worktree: beside, Reason: "before a test"})
		return err
	}))
	return c
}

func (b *bundle) restore(t *testing.T, checkpoints *checkpoint.Service, c *ent.Checkpoint) (undo *ent.Checkpoint) {
	t.Helper()
	out, err := checkpoints.Restore(b.ctx, checkpoint.Input{CheckpointID: c.ID, Files: true})
	require.NoError(t, err)
	return out.Undo
}
