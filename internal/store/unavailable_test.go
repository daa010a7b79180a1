package store_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

func TestAFullDiskIsNoErrorOfTheRequest(t *testing.T) {
	t.Parallel()
	db, err := store.OpenSQLite(filepath.Join(t.TempDir(), "small.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	db.SQL.SetMaxOpenConns(1) // the bound is a connection's
	for _, s := range []string{"CREATE TABLE things (text)", "PRAGMA max_page_count = 3"} {
		_, err := db.SQL.Exec(s)
		require.NoError(t, err)
	}
	_, err = db.SQL.Exec("INSERT INTO things VALUES ($1)", strings.Repeat("x", 1<<20))
	require.Error(t, err)
	require.True(t, store.Unavailable(fmt.Errorf("insert: %w", err)), "%v", err)
}

func TestALostConnectionIsNoErrorOfTheRequest(t *testing.T) {
	t.Parallel()
	db, err := store.OpenPostgres(storetest.PostgresURL(t))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	_, err = db.SQL.Exec("SELECT pg_terminate_backend(pg_backend_pid())")
	require.Error(t, err)
	require.True(t, store.Unavailable(err), "%v", err)

	nobody, err := store.OpenPostgres("postgres://127.0.0.1:1/none?sslmode=disable")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, nobody.Close()) })
	err = nobody.Ping(t.Context())
	require.Error(t, err)
	require.True(t, store.Unavailable(err), "%v", err)
}

func TestWhatIsWrongWithARequestStaysSo(t *testing.T) {
	t.Parallel()
	require.False(t, store.Unavailable(nil))
	require.False(t, store.Unavailable(errors.New("something")))
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for _, statement := range []string{
			"SELECT nothing FROM nowhere", "SELEKT", "INSERT INTO streams (id, head) VALUES (NULL, 1)",
			"INSERT INTO git_refs (name, hash, project_id) VALUES ('a', 'b', 'prj_nobody')",
		} {
			_, err := db.SQL.Exec(statement)
			require.Error(t, err)
			require.False(t, store.Unavailable(err), "%s: %v", statement, err)
		}
	})
}
