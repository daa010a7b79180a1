package command_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	entsandbox "github.com/zeblit/zeblit/ent/sandbox"
	"github.com/zeblit/zeblit/internal/command"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

// prints waits until the command has printed text.
func (b *bundle) prints(t *testing.T, c *ent.Command, text string) {
	t.Helper()
	require.Eventually(t, func() bool { return b.printed(t, c) == text }, time.Minute, 20*time.Millisecond)
}

// renewed waits until the sandbox's host renews its hold.
func (b *bundle) renewed(t *testing.T) {
	t.Helper()
	_, err := b.db.SQL.ExecContext(b.ctx, "UPDATE sandboxes SET held_until = 1")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return b.sandbox(t).HeldUntil > 1 }, time.Minute, 50*time.Millisecond)
}

// To record what commands did and to stop sandboxes may take longer than a hold lasts.
func TestAHostThatStopsKeepsWhatItHoldsUntilItIsDone(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b, by := setup(t, db), halts{scan: newHalt(), stop: newHalt()}
		end, ended := b.halting(t, by)
		c := b.start(t, command.Input{Shell: "echo x > a; echo up; sleep 300"})
		b.prints(t, c, "up\n")
		by.scan.armed.Store(true)
		by.stop.armed.Store(true)
		end()
		by.scan.comes(t) // the command is cut, and what it changed is to be read
		b.renewed(t)
		by.scan.goOn()
		by.stop.comes(t)
		b.renewed(t)
		by.stop.goOn()
		require.NoError(t, <-ended)
		c = b.wait(t, c.ID)
		require.Equal(t, enum.CommandKilled, c.State)
		require.Equal(t, "x\n", b.read(t, "a", c.Commit))
		row := b.sandbox(t)
		require.Equal(t, enum.SandboxStopped, row.State)
		require.Empty(t, row.Holder)
	})
}

func TestASandboxThatIsBeingMadeIsLetGoWhenTheHostStops(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b, by := setup(t, db), halts{create: newHalt()}
		by.create.armed.Store(true)
		end, ended := b.halting(t, by)
		c := b.start(t, command.Input{Shell: "echo x"})
		by.create.comes(t)
		require.NotEmpty(t, b.sandbox(t).Holder)
		end()
		require.NoError(t, <-ended)
		require.Empty(t, b.sandbox(t).Holder, "another host may have it at once")
		require.Equal(t, enum.CommandRefused, b.wait(t, c.ID).State)
		b.host(t)
		require.Equal(t, "x\n", b.printed(t, b.sh(t, "echo x")))
	})
}

func TestAWishThatTheHostCannotFulfilAnyMoreIsKept(t *testing.T) {
	t.Parallel()
	for _, running := range []bool{false, true} {
		storetest.Each(t, func(t *testing.T, db *store.DB) {
			b, by := setup(t, db), halts{delete: newHalt()}
			end, ended := b.halting(t, by)
			b.sh(t, "true")
			if !running {
				b.wish(t, enum.WishStop)
				b.becomes(t, enum.SandboxStopped)
			}
			by.delete.armed.Store(true)
			b.wish(t, enum.WishDelete)
			by.delete.comes(t)
			end()
			require.NoError(t, <-ended)
			row := b.sandbox(t)
			require.Equal(t, enum.WishDelete, row.Wanted)
			require.Equal(t, enum.SandboxStopped, row.State)
			require.Empty(t, row.Holder)
			b.host(t)
			b.becomes(t, enum.SandboxDeleted)
		})
	}
}

func TestASandboxThatHangsIsNotHeldForEverByAHostThatStops(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b, by := setup(t, db), halts{stop: newHalt()}
		b.stopFor = time.Millisecond
		end, _ := b.halting(t, by)
		b.sh(t, "true")
		by.stop.armed.Store(true)
		end()
		by.stop.comes(t)
		b.host(t)
		b.becomes(t, enum.SandboxUnreachable)
		by.stop.goOn()
	})
}

func (b *bundle) wish(t *testing.T, wish enum.SandboxWish) {
	t.Helper()
	_, err := b.Wish(b.ctx, b.project.ID, wish)
	require.NoError(t, err)
}

func (b *bundle) kill(t *testing.T, c *ent.Command) {
	t.Helper()
	_, err := b.Signal(b.ctx, c.ID, enum.SignalKill)
	require.NoError(t, err)
	require.Equal(t, enum.CommandKilled, b.wait(t, c.ID).State)
}

func TestAWishThatWaitsForItsSandboxHoldsUpNoOtherProject(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b, by := setup(t, db), halts{create: newHalt()}
		b.halting(t, by)
		other := *b
		other.project = storetest.Project(t, db, b.owner, "Other")
		first, second := other.start(t, command.Input{Shell: "echo up; sleep 300"}), other.start(t, command.Input{Shell: "echo up; sleep 300"})
		b.prints(t, first, "up\n")
		b.prints(t, second, "up\n")
		by.create.armed.Store(true)
		c := b.start(t, command.Input{Shell: "sleep 300"})
		by.create.comes(t)
		b.wish(t, enum.WishStop)
		// By the end of the second one the host has looked for wishes since the first.
		other.kill(t, first)
		other.kill(t, second)
		by.create.goOn()
		c = b.wait(t, c.ID)
		require.Equal(t, enum.CommandKilled, c.State, c.Note)
		require.Contains(t, c.Note, "its sandbox was stopped")
		require.Eventually(t, func() bool {
			return db.Ent.Sandbox.Query().Where(entsandbox.ProjectID(b.project.ID)).OnlyX(b.ctx).State == enum.SandboxStopped
		}, time.Minute, 50*time.Millisecond)
	})
}

func TestAKillThatTakesItsTimeHoldsUpNoSignal(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b, by := setup(t, db), halts{kill: newHalt()}
		b.halting(t, by)
		c := b.start(t, command.Input{Shell: "trap 'echo heard' TERM; echo up; while true; do sleep 0.1; done"})
		b.prints(t, c, "up\n")
		by.kill.armed.Store(true)
		b.wish(t, enum.WishStop)
		by.kill.comes(t)
		_, err := b.Signal(b.ctx, c.ID, enum.SignalTerminate)
		require.NoError(t, err)
		require.Eventually(t, func() bool { return strings.Contains(b.printed(t, c), "heard\n") }, time.Minute, 20*time.Millisecond)
		by.kill.goOn()
		require.Equal(t, enum.CommandKilled, b.wait(t, c.ID).State)
		b.becomes(t, enum.SandboxStopped)
	})
}
