package command_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/gitref"
	"github.com/zeblit/zeblit/ent/gitstorage"
	"github.com/zeblit/zeblit/internal/checkpoint"
	"github.com/zeblit/zeblit/internal/command"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

func (b *bundle) checkpoints() *checkpoint.Service {
	return checkpoint.New(b.db, b.log, b.files, b.Service, checkpoint.Retention{}, slog.New(slog.DiscardHandler))
}

// What a process in the background writes is kept beside what is restored meanwhile, and
// doesn't take its place.
func TestARestoreIsNotLostToAProcessThatWrites(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bundle) {
		b.write(t, ".gitignore", "*.log\n")
		b.sh(t, "echo old > x.log; echo gone > gone.log; echo old > both.log")
		before := b.record(t, b.checkpoints())
		b.sh(t, "echo new > x.log; rm gone.log; echo new > both.log; echo extra > extra.log")
		background := b.start(t, command.Input{
			Shell: "until test -e go.log; do sleep 0.1; done; i=0; while true; do i=$((i+1)); echo $i > p.log; echo $i > both.log; sleep 0.2; done", Background: true,
		})
		b.wait(t, background.ID)
		b.restore(t, b.checkpoints(), before)
		require.Equal(t, "old\ngone\nold\n", b.printed(t, b.sh(t, "cat x.log gone.log both.log; test ! -e extra.log")))
		b.sh(t, "echo new > x.log; rm gone.log; touch go.log")

		// It writes now, and is looked at from time to time.
		b.restore(t, b.checkpoints(), before)
		row := b.db.Ent.Worktree.Query().OnlyX(b.ctx)
		require.Eventually(t, func() bool {
			return b.db.Ent.Worktree.Query().OnlyX(b.ctx).Untracked != row.Untracked
		}, time.Minute, 50*time.Millisecond)
		_, err := b.Signal(b.ctx, background.ID, enum.SignalKill)
		require.NoError(t, err)
		require.Eventually(t, func() bool { return b.state(t, background).Ended() }, time.Minute, 50*time.Millisecond)
		out := b.printed(t, b.sh(t, "cat x.log gone.log; test -e p.log && echo written; grep -q old both.log || echo theirs"))
		require.Equal(t, "old\ngone\nwritten\ntheirs\n", out)
	})
}

func TestARepeatedRestoreChangesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bundle) {
		b.write(t, ".gitignore", "*.log\n")
		b.sh(t, "echo old > x.log")
		checkpoints := b.checkpoints()
		in := checkpoint.Input{CheckpointID: b.record(t, checkpoints).ID, Files: true, IdempotencyKey: "k"}
		once, err := checkpoints.Restore(b.ctx, in)
		require.NoError(t, err)
		b.sh(t, "echo new > y.log")
		twice, err := checkpoints.Restore(b.ctx, in)
		require.NoError(t, err)
		require.Equal(t, once.Undo.ID, twice.Undo.ID)
		require.Equal(t, "old\nnew\n", b.printed(t, b.sh(t, "cat x.log y.log")))
	})
}

func TestARestoreReachesASandboxThatIsStopped(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bundle) {
		b.write(t, ".gitignore", "*.log\n")
		b.sh(t, "echo old > x.log; mkdir node_modules; echo dep > node_modules/m")
		before := b.record(t, b.checkpoints())
		b.sh(t, "echo new > x.log; echo extra > extra.log")
		_, err := b.Wish(b.ctx, b.project.ID, enum.WishStop)
		require.NoError(t, err)
		b.becomes(t, enum.SandboxStopped)
		undo := b.restore(t, b.checkpoints(), before)
		require.Equal(t, ".gitignore\nnode_modules\nold\ndep\n", b.printed(t, b.sh(t, "ls -A | grep -v x.log; cat x.log node_modules/m")))
		_, err = b.Wish(b.ctx, b.project.ID, enum.WishStop)
		require.NoError(t, err)
		b.becomes(t, enum.SandboxStopped)
		b.restore(t, b.checkpoints(), undo)
		require.Equal(t, "new\nextra\n", b.printed(t, b.sh(t, "cat x.log extra.log")))
	})
}

// Commands that end, each with files of its own and ignored ones, and restores hold the
// same rows: none of them stands in the other's way for good.
func TestRestoresGoOnWhileCommandsEnd(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bundle) {
		b.write(t, ".gitignore", "*.log\n")
		b.sh(t, "echo old > x.log; echo old > kept")
		checkpoints := b.checkpoints()
		before := b.record(t, checkpoints)
		for i := range 4 {
			var started []*ent.Command
			for j := range 3 {
				started = append(started, b.start(t, command.Input{Shell: fmt.Sprintf("echo %d > x.log; test %d = 1 || echo %d > kept", i, j, i)}))
			}
			underWay := func(c *ent.Command) bool { return !b.state(t, c).Ended() }
			for deadline := time.Now().Add(5 * time.Minute); slices.ContainsFunc(started, underWay); {
				require.True(t, time.Now().Before(deadline))
				b.restore(t, checkpoints, before)
			}
			for _, c := range started {
				require.Equal(t, enum.CommandExited, b.state(t, c))
			}
		}
		b.restore(t, checkpoints, before)
		require.Equal(t, "old\nold\n", b.printed(t, b.sh(t, "cat x.log kept")))
	})
}

// Whoever records files takes the worktree's row first, and then the repository's.
func TestTheWorktreeComesBeforeTheRepository(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.Postgres(t)) // SQLite locks no rows
	b.host(t)
	b.write(t, ".gitignore", "*.log\n")
	t.Run("where a command ends", func(t *testing.T) {
		c := b.start(t, command.Input{Shell: "trap 'echo y > a; echo z > x.log; exit 0' TERM; echo up; while true; do sleep 0.1; done"})
		b.prints(t, c, "up\n")
		b.waitsForWorktreesOnly(t, func() {
			_, err := b.Signal(b.ctx, c.ID, enum.SignalTerminate)
			require.NoError(t, err)
		})
		c = b.wait(t, c.ID)
		require.Equal(t, enum.CommandExited, c.State, c.Note)
		require.Equal(t, "y\n", b.read(t, "a", c.Commit))
		require.Equal(t, "z\n", b.printed(t, b.sh(t, "cat x.log")))
	})
	t.Run("where files are restored", func(t *testing.T) {
		checkpoints := b.checkpoints()
		before := b.record(t, checkpoints)
		b.sh(t, "echo later > a; echo later > x.log")
		restored := make(chan error, 1)
		b.waitsForWorktreesOnly(t, func() {
			go func() {
				_, err := checkpoints.Restore(b.ctx, checkpoint.Input{CheckpointID: before.ID, Files: true})
				restored <- err
			}()
		})
		require.NoError(t, <-restored)
		require.Equal(t, "y\nz\n", b.printed(t, b.sh(t, "cat a x.log")))
	})
}

// waitsForWorktreesOnly holds all worktrees' rows, and sees that what begin begins waits for
// them and has none of the repository's meanwhile.
func (b *bundle) waitsForWorktreesOnly(t *testing.T, begin func()) {
	t.Helper()
	require.NoError(t, b.db.InTx(b.ctx, func(ctx context.Context, tx *store.Tx) error {
		storetest.Linger(t, tx)
		if _, err := tx.SQL.ExecContext(ctx, "SELECT id FROM worktrees FOR UPDATE"); err != nil {
			return err
		}
		begin()
		require.Eventually(t, func() bool {
			waits := 0
			const behind = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
			return tx.SQL.QueryRowContext(ctx, behind).Scan(&waits) == nil && waits > 0
		}, time.Minute, 20*time.Millisecond)
		for _, table := range []string{gitref.Table, gitstorage.Table} {
			if _, err := tx.SQL.ExecContext(ctx, "SELECT id FROM "+table+" FOR UPDATE NOWAIT"); err != nil {
				return fmt.Errorf("%s: %w", table, err)
			}
		}
		return nil
	}))
}
