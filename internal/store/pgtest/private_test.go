package pgtest_test

import (
	"database/sql"
	"net"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/store/pgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAPrivateServerComesBackWithWhatWasCommitted(t *testing.T) {
	t.Parallel()
	server, err := pgtest.StartPrivate()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Remove()) })
	db, err := sql.Open("postgres", server.URL())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	_, err = db.Exec("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
	require.NoError(t, err)
	half, err := db.Begin()
	require.NoError(t, err)
	_, err = half.Exec("INSERT INTO kept VALUES (8)")
	require.NoError(t, err)

	require.NoError(t, server.Stop())
	require.Error(t, db.Ping())
	require.Error(t, half.Commit())
	require.NoError(t, server.Start())
	var n, rows int
	require.NoError(t, db.QueryRow("SELECT sum(n), count(*) FROM kept").Scan(&n, &rows))
	require.Equal(t, 7, n)
	require.Equal(t, 1, rows)
	require.Error(t, server.Start(), "it runs already")
}

func TestAPortThatAnotherServerHasIsNotTaken(t *testing.T) {
	t.Parallel()
	first, err := pgtest.StartPrivate()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, first.Remove()) })
	second, err := pgtest.StartPrivate()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, second.Remove()) })
	require.NoError(t, second.Stop())
	own := port(t, second)
	require.ErrorIs(t, second.StartAt(port(t, first)), pgtest.ErrTaken)
	require.NoError(t, second.StartAt(own), "then on another")
}

func port(t *testing.T, p *pgtest.Private) int {
	t.Helper()
	_, text, err := net.SplitHostPort(p.Address())
	require.NoError(t, err)
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	return n
}
