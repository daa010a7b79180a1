package command_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/command"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/workspace"
)

func within(t *testing.T, quota workspace.Quota, test func(t *testing.T, b *bundle)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db, workspace.WithQuota(quota))
		b.host(t)
		test(t, b)
	})
}

// Sparse files take nothing in the sandbox, and all that they seem to have on the way out.
func TestMoreThanAProjectCanHaveIsNotRead(t *testing.T) {
	t.Parallel()
	within(t, workspace.Quota{Bytes: 1 << 20}, func(t *testing.T, b *bundle) {
		c := b.sh(t, "for n in 1 2 3 4 5; do truncate -s 40M big$n; done; echo small > small")
		require.Equal(t, enum.CommandExited, c.State)
		require.Contains(t, c.Note, `"big1" is not kept: with it more would have changed at once than a project can have.`)
		require.Equal(t, []string{"small"}, b.paths(t))
		c = b.sh(t, "ls; rm big*; echo more >> small")
		require.Contains(t, b.printed(t, c), "big5", "what isn't kept stays in the sandbox")
		require.Empty(t, c.Note)
		require.Equal(t, "small\nmore\n", b.read(t, "small", ""))
	})
}

func TestWhatIsTooLargeLeavesTheFileAsItWas(t *testing.T) {
	t.Parallel()
	within(t, workspace.Quota{Bytes: 1 << 20}, func(t *testing.T, b *bundle) {
		b.write(t, "data", "before")
		c := b.sh(t, "truncate -s 2M data")
		require.Contains(t, c.Note, `"data" is not kept`)
		require.Equal(t, "before", b.read(t, "data", ""))
		require.Equal(t, "2097152\n", b.printed(t, b.sh(t, "stat -c %s data")))
	})
}

func TestAFullHistoryEndsACommandWithWhatItKnows(t *testing.T) {
	t.Parallel()
	within(t, workspace.Quota{History: 3000}, func(t *testing.T, b *bundle) {
		b.write(t, ".gitignore", "*.log\n")
		before := b.tip(t)
		c := b.sh(t, "head -c 100000 /dev/urandom > noise; head -c 100000 /dev/urandom > build.log; exit 3")
		require.Equal(t, enum.CommandExited, c.State)
		require.Equal(t, 3, *c.ExitCode)
		require.Empty(t, c.Commit)
		require.Contains(t, c.Note, "What it changed in the project's files is not kept: the project's history would take")
		require.Contains(t, c.Note, "What it changed in ignored files is not kept: the project's history would take")
		require.Equal(t, before, b.tip(t), "nothing of a commit that is refused is there")
		c = b.sh(t, "ls; rm noise build.log")
		require.Equal(t, enum.CommandExited, c.State, c.Note)
		require.Equal(t, "build.log\nnoise\n", b.printed(t, c))
	})
}

func (b *bundle) tip(t *testing.T) string {
	t.Helper()
	tip, _, err := b.files.Checkout(b.ctx, b.project.ID, "")
	require.NoError(t, err)
	return tip
}

func TestGitignoreFilesAreHeededUpToAPoint(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bundle) {
		c := b.sh(t, "yes a | head -c 200000 > .gitignore; mkdir below; echo '*.log' > below/.gitignore; touch a below/x.log")
		require.Contains(t, c.Note, `".gitignore" is not heeded: it has more than 65536 bytes.`)
		require.Equal(t, []string{".gitignore", "a", "below/.gitignore"}, b.paths(t))
	})
	each(t, func(t *testing.T, b *bundle) {
		lines := make([]string, 2500)
		for i := range lines {
			lines[i] = fmt.Sprintf("f%d", i)
		}
		c := b.wait(t, b.start(t, command.Input{Argv: []string{"sh", "-c", "cat > .gitignore; touch f7 f2400"}, Stdin: strings.Join(lines, "\n")}).ID)
		require.Contains(t, c.Note, "no more than 2000 lines are heeded")
		require.Equal(t, []string{".gitignore", "f2400"}, b.paths(t))
	})
}

func TestTooDeepAFolderCanBeRemoved(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bundle) {
		b.write(t, "a", "before")
		c := b.sh(t, "d=.; for i in $(seq 250); do d=$d/x; done; mkdir -p $d; touch $d/file; echo after > a")
		require.Equal(t, enum.CommandExited, c.State)
		require.Contains(t, c.Note, "there are too many files")
		require.Equal(t, "before", b.read(t, "a", ""))
		c = b.sh(t, "ls")
		require.Equal(t, enum.CommandExited, c.State, c.Note)
		require.Contains(t, c.Note, "nothing is recorded of it until some are removed")
		_, err := b.Wish(b.ctx, b.project.ID, enum.WishRestart)
		require.NoError(t, err)
		require.Eventually(t, func() bool { return b.sandbox(t).Wanted == enum.WishNothing }, time.Minute, 20*time.Millisecond)
		b.becomes(t, enum.SandboxRunning)
		c = b.sh(t, "rm -r x")
		require.Equal(t, enum.CommandExited, c.State, c.Note)
		c = b.sh(t, "cat a")
		require.Equal(t, "after\n", b.printed(t, c))
		require.Equal(t, "after\n", b.read(t, "a", ""))
	})
}
