package command_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/gitobject"
	"github.com/zeblit/zeblit/internal/command"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

// broken has the database refuse that commands end, until mended.
func broken(t *testing.T, db *store.DB) (mended func()) {
	t.Helper()
	return refuse(t, db, "commands", "NEW.state IN ('EXITED', 'LOST')")
}

// refuse has the database refuse to change a table's rows as the condition says, until
// mended.
func refuse(t *testing.T, db *store.DB, table, condition string) (mended func()) {
	t.Helper()
	exec := func(statements ...string) {
		for _, s := range statements {
			_, err := db.SQL.ExecContext(t.Context(), s)
			require.NoError(t, err)
		}
	}
	if db.Dialect == dialect.SQLite {
		exec("CREATE TRIGGER broken BEFORE UPDATE ON " + table + " WHEN " + condition + " BEGIN SELECT RAISE(ABORT, 'it is broken'); END")
		return func() { exec("DROP TRIGGER broken") }
	}
	exec("CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'it is broken'; END $$",
		"CREATE TRIGGER broken BEFORE UPDATE ON "+table+" FOR EACH ROW WHEN ("+condition+") EXECUTE FUNCTION broken()")
	return func() { exec("DROP TRIGGER broken ON "+table, "DROP FUNCTION broken") }
}

func TestAnEndIsRecordedWhenTheDatabaseIsBack(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		b.host(t)
		mended := broken(t, db)
		c := b.start(t, command.Input{Shell: "echo x > a"})
		require.Eventually(t, func() bool { return b.logs.says("it is tried again") }, time.Minute, 20*time.Millisecond)
		require.Equal(t, enum.CommandRunning, b.state(t, c))
		mended()
		c = b.wait(t, c.ID)
		require.Equal(t, enum.CommandExited, c.State, c.Note)
		require.Equal(t, "x\n", b.read(t, "a", c.Commit))
	})
}

func TestACommandWhoseEndCannotBeRecordedIsGivenUp(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		b.recordFor = 300 * time.Millisecond
		b.host(t)
		mended := broken(t, db)
		c := b.start(t, command.Input{Shell: "echo x > a"})
		require.Eventually(t, func() bool { return b.logs.says("is given up") }, time.Minute, 20*time.Millisecond)
		require.Equal(t, enum.CommandRunning, b.state(t, c), "nothing can be written yet")
		mended()
		c = b.wait(t, c.ID)
		require.Equal(t, enum.CommandLost, c.State)
		require.Contains(t, c.Note, "could not be recorded")
		require.NotNil(t, c.FinishedAt)
		next := b.sh(t, "cat a")
		require.Equal(t, "x\n", b.printed(t, next), "the host and its sandbox go on")
		require.Equal(t, "x\n", b.read(t, "a", ""), "what it changed is kept with the next")
	})
}

func TestACommandThatCannotBeginIsGivenUp(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		b.recordFor = 300 * time.Millisecond
		var away atomic.Bool
		db.Ent.User.Intercept(ent.InterceptFunc(func(next ent.Querier) ent.Querier {
			return ent.QuerierFunc(func(ctx context.Context, q ent.Query) (ent.Value, error) {
				if away.Load() {
					return nil, errors.New("it is away")
				}
				return next.Query(ctx, q)
			})
		}))
		b.host(t)
		away.Store(true)
		c := b.wait(t, b.start(t, command.Input{Shell: "echo x > a"}).ID)
		require.Equal(t, enum.CommandLost, c.State)
		require.Contains(t, c.Note, "has not begun")
		require.Empty(t, b.paths(t))
		away.Store(false)
		require.Equal(t, enum.CommandExited, b.sh(t, "true").State)
	})
}

// Compressing and writing much must not hold up others: it is done before the transaction
// that records the end.
func TestLargeContentIsWrittenBeforeTheEnd(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		b.write(t, ".gitignore", "*.log\n")
		b.host(t)
		mended := broken(t, db)
		c := b.start(t, command.Input{Shell: "head -c 9000000 /dev/urandom > large; head -c 700000 /dev/urandom > 1.log; echo x > small"})
		require.Eventually(t, func() bool { return b.logs.says("it is tried again") }, 5*time.Minute, 20*time.Millisecond)
		sizes := func() (out []int64) {
			for _, o := range b.db.Ent.GitObject.Query().Where(gitobject.Kind(int8(plumbing.BlobObject))).AllX(b.ctx) {
				out = append(out, o.Size)
			}
			return out
		}
		require.ElementsMatch(t, []int64{6, 9000000, 700000, 2}, sizes())
		require.Equal(t, []string{".gitignore"}, b.paths(t))
		mended()
		c = b.wait(t, c.ID)
		require.Equal(t, enum.CommandExited, c.State, c.Note)
		require.Equal(t, []string{".gitignore", "large", "small"}, b.paths(t))
		require.Len(t, b.read(t, "large", c.Commit), 9000000)
		require.Len(t, sizes(), 4, "nothing is written twice")

		_, err := b.Wish(b.ctx, b.project.ID, enum.WishDelete)
		require.NoError(t, err)
		b.becomes(t, enum.SandboxDeleted)
		require.Equal(t, "9700002\n", b.printed(t, b.sh(t, "cat large 1.log small | wc -c")))
	})
}
