package pgtest_test

import (
	"database/sql"
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
