package project_test

import (
	"database/sql"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

// Who has a row of the project and adds to it waits for a deletion that waits for that
// row: PostgreSQL ends one of the two, and the deletion is made anew.
func TestADeletionInSomebodysWayIsMadeAnew(t *testing.T) {
	t.Parallel()
	url := storetest.PostgresURL(t)
	db, err := store.OpenPostgres(url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	b := setup(t, db, url)
	p := b.large(t, "Large", 1)
	merge := db.Ent.Merge.Create().SetProjectID(p.ID).SetUserID(b.ada.UserID).SetSource("s").SetTarget("main").SetState(enum.MergeMerging).SaveX(b.all)

	begin := func(statements ...string) *sql.Tx {
		tx, err := db.SQL.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		t.Cleanup(func() { _ = tx.Rollback() })
		for _, s := range append([]string{"SET LOCAL idle_in_transaction_session_timeout = 0"}, statements...) {
			_, err := tx.ExecContext(t.Context(), s)
			require.NoError(t, err, s)
		}
		return tx
	}
	waits := func(query string) {
		require.Eventually(t, func() bool {
			var n int
			err := db.SQL.QueryRowContext(t.Context(),
				"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE $1", query+"%").Scan(&n)
			return err == nil && n == 1
		}, time.Minute, 10*time.Millisecond)
	}
	gate := begin("LOCK TABLE plans IN SHARE MODE") // the deletion comes to these before it comes to merges
	other := begin("SET LOCAL deadlock_timeout = '1min'", "SELECT 1 FROM merges WHERE id = '"+merge.ID+"' FOR UPDATE")
	deleted, added := make(chan error, 1), make(chan error, 1)
	go func() { deleted <- b.projects.Delete(b.ctx, p.ID) }()
	waits("UPDATE plans")
	go func() {
		_, err := other.ExecContext(t.Context(), "INSERT INTO git_refs (name, hash, project_id) VALUES ('late', '0', $1)", p.ID)
		added <- err
	}()
	waits("INSERT INTO git_refs")
	require.NoError(t, gate.Rollback()) // the deletion closes the circle, and is who looks for one
	require.NoError(t, <-added)
	require.NoError(t, other.Commit())
	require.NoError(t, <-deleted)
	require.NoError(t, b.sweeper().Sweep(b.sweeps))
	require.Equal(t, map[string]int{"usage_records": 1}, b.held(t, p.ID))
}
