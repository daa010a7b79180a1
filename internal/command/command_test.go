package command_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/command"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/sandbox"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/workspace"
)

func TestChangesOfACommandBecomeACommit(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bundle) {
		b.write(t, "a.txt", "one\n")
		b.write(t, "gone.txt", "x")
		c := b.sh(t, `cat a.txt; echo two >> a.txt; rm gone.txt; mkdir bin; printf '#!/bin/sh\necho ran\n' > bin/go; chmod +x bin/go; ln -s a.txt link; printf '\377\000' > raw`)
		require.Equal(t, enum.CommandExited, c.State, c.Note)
		require.Zero(t, *c.ExitCode)
		require.Equal(t, "one\n", b.printed(t, c))
		require.Equal(t, 5, c.ChangedFiles)
		require.Equal(t, []string{"a.txt", "bin/go", "link", "raw"}, b.paths(t))
		require.Equal(t, "one\ntwo\n", b.read(t, "a.txt", c.Commit))
		require.Equal(t, "\xff\x00", b.read(t, "raw", ""))
		file, _, err := b.files.Raw(b.ctx, b.project.ID, "link", "")
		require.NoError(t, err)
		require.Equal(t, workspace.Symlink, file.Mode)

		require.Equal(t, "ran\n", b.printed(t, b.sh(t, "bin/go")), "what could be run still can")
		again := b.sh(t, "true")
		require.Empty(t, again.Commit)
		require.Zero(t, again.ChangedFiles)
		b.write(t, "a.txt", "three\n")
		require.Equal(t, "three\n", b.printed(t, b.sh(t, "cat link")), "what others wrote is there")
	})
}

func TestIgnoredFilesAreKeptBesideTheCommits(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bundle) {
		b.write(t, ".gitignore", "*.log\n/build/\n!keep.log\n")
		b.write(t, "tracked.log.txt", "x")
		b.sh(t, `echo secret > x.log; echo yes > keep.log; mkdir -p build/deep node_modules/m sub/build; echo o > build/deep/o; echo dep > node_modules/m/i; echo s > sub/build/s`)
		require.Equal(t, []string{".gitignore", "keep.log", "sub/build/s", "tracked.log.txt"}, b.paths(t))
		before := b.sandbox(t)
		_, err := b.Wish(b.ctx, b.project.ID, enum.WishDelete)
		require.NoError(t, err)
		b.becomes(t, enum.SandboxDeleted)
		c := b.sh(t, "{ cat x.log build/deep/o; ls -d node_modules; } 2>&1")
		require.Equal(t, "secret\no\n", strings.SplitAfterN(b.printed(t, c), "ls", 2)[0][:9], "a new sandbox has what was ignored, without dependencies")
		require.NotZero(t, *c.ExitCode)
		require.Equal(t, before.Generation+1, b.sandbox(t).Generation)
	})
}

func TestWhatIsTooLargeStaysInTheSandbox(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bundle) {
		b.write(t, ".gitignore", "*.log\n")
		c := b.sh(t, "head -c 60000000 /dev/zero > large; for i in 1 2; do head -c 600000 /dev/zero > $i.log; done; echo x > small.log")
		require.Contains(t, c.Note, `"large" is not kept`)
		require.Contains(t, c.Note, `"2.log" is ignored and too large`)
		require.Equal(t, []string{".gitignore"}, b.paths(t))
		b.write(t, "other", "x")
		for range 2 {
			c = b.sh(t, "cat large 1.log 2.log small.log | wc -c; echo y > small.log")
			require.Equal(t, "61200002\n", b.printed(t, c))
		}
		_, err := b.Wish(b.ctx, b.project.ID, enum.WishDelete)
		require.NoError(t, err)
		b.becomes(t, enum.SandboxDeleted)
		require.Equal(t, ".\n..\n.gitignore\n1.log\nother\nsmall.log\n", b.printed(t, b.sh(t, "ls -a")))
	})
}

func TestStopAndWakeKeepAllFiles(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		stop := b.host(t)
		b.sh(t, "mkdir node_modules; echo dep > node_modules/m; echo x > a")
		_, err := b.Wish(b.ctx, b.project.ID, enum.WishStop)
		require.NoError(t, err)
		b.becomes(t, enum.SandboxStopped)
		b.write(t, "b", "y")
		require.Equal(t, "dep\nx\ny", b.printed(t, b.sh(t, "cat node_modules/m a b")))

		stop() // as a server that is updated
		require.Equal(t, enum.SandboxStopped, b.sandbox(t).State)
		b.host(t)
		c := b.sh(t, "cat node_modules/m")
		require.Equal(t, "dep\n", b.printed(t, c))
		require.Empty(t, c.Note)
		require.Equal(t, 1, b.sandbox(t).Generation)
	})
}

func TestWhatWasWrittenInAnEmptyProjectBeforeASleepIsRecordedAfterIt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bundle) {
		c := b.sh(t, "echo x > a; i=0; while [ $i -lt 300 ]; do mkdir d && cd d || exit; i=$((i+1)); done")
		require.Contains(t, c.Note, "could not be read")
		_, err := b.Wish(b.ctx, b.project.ID, enum.WishStop)
		require.NoError(t, err)
		b.becomes(t, enum.SandboxStopped)
		b.sh(t, "rm -r d")
		require.Equal(t, "x\n", b.printed(t, b.sh(t, "cat a")))
		require.Equal(t, []string{"a"}, b.paths(t))
	})
}

func TestAFolderTooDeepToBeKeptDoesNotKeepASandboxFromStopping(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bundle) {
		b.sh(t, "echo x > a; i=0; while [ $i -lt 1000 ]; do mkdir d && cd d || exit; i=$((i+1)); done")
		_, err := b.Wish(b.ctx, b.project.ID, enum.WishStop)
		require.NoError(t, err)
		b.becomes(t, enum.SandboxStopped)
		require.Contains(t, b.sandbox(t).Reason, "somebody asked for it. What lies more than 800 folders deep is not kept:")
		require.Equal(t, "x\n", b.printed(t, b.sh(t, "cat a; rm -r d")))
		require.Empty(t, b.sh(t, "true").Note, "it is recorded again")
		require.Equal(t, []string{"a"}, b.paths(t))
	})
}

func TestOthersChangesAreNotOverwritten(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bundle) {
		b.write(t, "a", "0")
		c := b.start(t, command.Input{Shell: "trap 'printf mine > a; printf free > b; exit 0' TERM; echo up; while true; do sleep 0.1; done"})
		b.prints(t, c, "up\n")
		b.write(t, "a", "theirs")
		_, err := b.Signal(b.ctx, c.ID, enum.SignalTerminate)
		require.NoError(t, err)
		c = b.wait(t, c.ID)
		require.Equal(t, "theirs", b.read(t, "a", ""))
		require.Equal(t, "free", b.read(t, "b", ""))
		require.Equal(t, "mine", b.read(t, "a", "command/"+c.ID))
		require.Contains(t, c.Note, "command/"+c.ID)
		require.Equal(t, "theirs", b.printed(t, b.sh(t, "cat a")))
		require.Equal(t, "theirs", b.read(t, "a", ""))
	})
}

func (b *bundle) state(t *testing.T, c *ent.Command) enum.CommandState {
	t.Helper()
	return b.db.Ent.Command.GetX(b.ctx, c.ID).State
}

func TestOutputIsKeptAndBounded(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bundle) {
		c := b.sh(t, `printf 'a\377\000b\n'; printf 'caf\303'; sleep 0.3; printf '\251 \033[31mred\033[0m'`)
		require.Equal(t, "a\\xff\\x00b\ncafé \x1b[31mred\x1b[0m", b.printed(t, c))
		c = b.sh(t, "echo fine; echo problem >&2")
		out, err := b.Output(b.ctx, c, command.OutputRange{Stream: enum.Stderr, Limit: 100})
		require.NoError(t, err)
		require.Equal(t, "problem\n", out.Text)

		c = b.wait(t, b.start(t, command.Input{
			Shell:   `i=0; while test $i -lt 300000; do i=$((i+1)); echo "line number $i of many, many lines"; done`,
			Timeout: 10 * time.Minute,
		}).ID)
		require.Greater(t, c.OutputBytes, int64(10<<20))
		require.EqualValues(t, 10<<20, c.KeptBytes)
		require.Contains(t, c.Note, "are kept")
		ends, err := b.Output(b.ctx, c, command.OutputRange{Ends: 2000})
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(ends.Text, "line number 1 of"))
		require.True(t, strings.HasSuffix(ends.Text, "line number 300000 of many, many lines\n"), "the end is there")
		require.Contains(t, ends.Text, "left out")

		var all strings.Builder
		for after := int64(0); ; {
			part, err := b.Output(b.ctx, c, command.OutputRange{After: after, Limit: 1 << 20})
			require.NoError(t, err)
			all.WriteString(part.Text)
			if after = part.Next; !part.More {
				break
			}
		}
		for i, line := range strings.Split(all.String()[:9<<20], "\n")[:200000] {
			require.Equal(t, fmt.Sprintf("line number %d of many, many lines", i+1), line)
		}
	})
}

func TestCommandsEnd(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bundle) {
		c := b.wait(t, b.start(t, command.Input{Shell: "sleep 60 & sleep 60", Timeout: time.Second}).ID)
		require.Equal(t, enum.CommandTimedOut, c.State)
		require.Equal(t, "KILL", c.Signal)

		c = b.sh(t, "no-such-command")
		require.Equal(t, 127, *c.ExitCode)
		c = b.wait(t, b.start(t, command.Input{Argv: []string{"no-such-command"}}).ID)
		require.Equal(t, 127, *c.ExitCode)
		require.Contains(t, c.Note, "no such command")
		c = b.wait(t, b.start(t, command.Input{Shell: "true", Directory: "nowhere"}).ID)
		require.Equal(t, enum.CommandRefused, c.State)

		background := b.start(t, command.Input{Shell: "trap 'echo bye; exit 3' TERM; echo up; while true; do sleep 0.1; done", Background: true})
		running := b.wait(t, background.ID)
		require.Equal(t, enum.CommandRunning, running.State)
		require.Eventually(t, func() bool { return b.printed(t, running) == "up\n" }, time.Minute, 50*time.Millisecond)
		_, err := b.Signal(b.ctx, background.ID, enum.SignalTerminate)
		require.NoError(t, err)
		require.Eventually(t, func() bool { return b.state(t, background).Ended() }, time.Minute, 50*time.Millisecond)
		require.Contains(t, b.printed(t, running), "bye\n")

		c = b.wait(t, b.start(t, command.Input{Argv: []string{"cat"}, Stdin: "in", Environment: []string{"X=1"}}).ID)
		require.Equal(t, "in", b.printed(t, c))
		c = b.wait(t, b.start(t, command.Input{Shell: "echo $X", Environment: []string{"X=1 2"}}).ID)
		require.Equal(t, "1 2\n", b.printed(t, c))
	})
}

func TestCommandsAreRefusedWithoutASandbox(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		b.hostWith(t, func(context.Context) (sandbox.Driver, error) { return nil, errors.New("there is no bwrap") })
		c := b.sh(t, "true")
		require.Equal(t, enum.CommandRefused, c.State)
		require.Contains(t, c.Note, "there is no bwrap")
	})
}

func TestWrongInput(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		for field, in := range map[string]command.Input{
			"shell":          {},
			"argv":           {Shell: "x", Argv: []string{"y"}},
			"timeoutSeconds": {Shell: "x", Timeout: time.Hour},
			"directory":      {Shell: "x", Directory: "../.."},
			"environment":    {Shell: "x", Environment: []string{"=x"}},
			"stdin":          {Shell: "x", Stdin: "\x00"},
		} {
			in.ProjectID = b.project.ID
			_, err := b.Run(b.ctx, in)
			requireProblem(t, err, problem.BadInput, field)
		}
		_, err := b.Run(b.ctx, command.Input{ProjectID: b.project.ID, Shell: "x", Branch: "nowhere"})
		requireProblem(t, err, problem.NotFound, "branch")
		_, err = b.Run(b.ctx, command.Input{ProjectID: "prj_nothing", Shell: "x"})
		requireProblem(t, err, problem.NotFound, "projectId")
	})
}

func TestACommandThatWaitsIsTakenBack(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		c := b.start(t, command.Input{Shell: "true"})
		c, err := b.Signal(b.ctx, c.ID, enum.SignalTerminate)
		require.NoError(t, err)
		require.Equal(t, enum.CommandKilled, c.State)
		b.host(t)
		require.Equal(t, enum.CommandExited, b.sh(t, "true").State)
		require.Equal(t, enum.CommandKilled, b.state(t, c))
	})
}

func TestManyCommandsTakeTurns(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bundle) {
		var all []*ent.Command
		for i := range 40 {
			all = append(all, b.start(t, command.Input{Shell: fmt.Sprintf("echo %d > f%d; sleep 0.1", i, i)}))
		}
		for _, c := range all {
			require.Equal(t, enum.CommandExited, b.wait(t, c.ID).State)
		}
		require.Len(t, b.paths(t), len(all))
	})
}

func TestOthersSeeNoCommands(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		c := b.start(t, command.Input{Shell: "true", IdempotencyKey: "k"})
		require.Equal(t, c.ID, b.start(t, command.Input{Shell: "true", IdempotencyKey: "k"}).ID)

		eve := access.WithViewer(t.Context(), storetest.User(t, db, "eve@example.com"))
		_, err := b.Run(eve, command.Input{ProjectID: b.project.ID, Shell: "true"})
		requireProblem(t, err, problem.NotFound, "projectId")
		_, err = b.Signal(eve, c.ID, enum.SignalKill)
		requireProblem(t, err, problem.NotFound, "commandId")
		_, err = b.Wish(eve, b.project.ID, enum.WishWake)
		requireProblem(t, err, problem.NotFound, "projectId")
		require.Zero(t, db.Ent.Command.Query().CountX(eve))
		require.Zero(t, db.Ent.OutputPiece.Query().CountX(eve))
		require.Zero(t, db.Ent.Sandbox.Query().CountX(eve))

		require.NoError(t, db.Ent.Membership.Create().SetProjectID(b.project.ID).SetUserID(access.ViewerFrom(eve).UserID).
			SetRole(enum.ProjectViewer).Exec(storetest.Unchecked(eve)))
		_, err = b.Run(eve, command.Input{ProjectID: b.project.ID, Shell: "true"})
		requireProblem(t, err, problem.Forbidden, "")
		require.Equal(t, 1, db.Ent.Command.Query().CountX(eve))
	})
}

func requireProblem(t *testing.T, err error, code problem.Code, field string) {
	t.Helper()
	p := problem.As(err)
	require.NotNil(t, p, "want a problem, got %v", err)
	require.Equal(t, code, p.Code, p.Message)
	require.Equal(t, field, p.Field, p.Message)
}
