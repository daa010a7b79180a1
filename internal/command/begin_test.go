package command_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/command"
	"github.com/zeblit/zeblit/internal/sandbox"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

// slow makes no sandbox before it may, of one project or of any.
type slow struct {
	sandbox.Driver
	may     <-chan struct{}
	project string
}

func (s slow) Create(ctx context.Context, spec sandbox.Spec) (sandbox.Sandbox, error) {
	if s.project == "" || s.project == spec.Labels[sandbox.LabelProject] {
		<-s.may
	}
	return s.Driver.Create(ctx, spec)
}

func TestAKillReachesACommandThatIsAboutToBegin(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b, may := setup(t, db), make(chan struct{})
		b.hostWith(t, func(ctx context.Context) (sandbox.Driver, error) {
			driver, err := b.bubblewrap(t)(ctx)
			return slow{Driver: driver, may: may}, err
		})
		c := b.start(t, command.Input{Shell: "sleep 300"})
		require.Eventually(t, func() bool { return b.state(t, c) == enum.CommandRunning }, time.Minute, 10*time.Millisecond)
		_, err := b.Signal(b.ctx, c.ID, enum.SignalKill)
		require.NoError(t, err)
		time.Sleep(time.Second) // the host looks for signals meanwhile
		close(may)
		c = b.wait(t, c.ID)
		require.Equal(t, enum.CommandKilled, c.State)
		require.Contains(t, c.Note, "killed on request")
	})
}

// unbegun has the database refuse that sandboxes run, until mended.
func unbegun(t *testing.T, db *store.DB) (mended func()) {
	t.Helper()
	return refuse(t, db, "sandboxes", "NEW.state = 'RUNNING'")
}

func TestASandboxThatCannotBeRecordedIsMadeAnew(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bundle) {
		mended := unbegun(t, b.db)
		require.Equal(t, enum.CommandRefused, b.sh(t, "true").State)
		mended()
		c := b.sh(t, "echo x > a")
		require.Equal(t, enum.CommandExited, c.State, c.Note)
		require.NotEmpty(t, b.sandbox(t).Place)
		_, err := b.Wish(b.ctx, b.project.ID, enum.WishStop)
		require.NoError(t, err)
		b.becomes(t, enum.SandboxStopped)

		mended = unbegun(t, b.db) // now it is woken in vain
		require.Equal(t, enum.CommandRefused, b.sh(t, "true").State)
		mended()
		c = b.sh(t, "cat a")
		require.Equal(t, enum.CommandExited, c.State, c.Note)
		require.Equal(t, "x\n", b.printed(t, c))
	})
}

func TestACommandGoesToWhoHoldsTheSandbox(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bundle) {
		b.sh(t, "echo x > a")
		hold := func(until string) {
			_, err := b.db.SQL.ExecContext(b.ctx, "UPDATE sandboxes SET holder = 'another', held_until = "+until)
			require.NoError(t, err)
		}
		hold(store.NowMillis(b.db.Dialect) + " + 3600000")
		c := b.start(t, command.Input{Shell: "cat a"})
		require.Never(t, func() bool { return b.state(t, c).Ended() }, time.Second, 50*time.Millisecond)
		hold("0")
		c = b.wait(t, c.ID)
		require.Equal(t, enum.CommandExited, c.State, c.Note)
		require.Equal(t, "x\n", b.printed(t, c))
	})
}
