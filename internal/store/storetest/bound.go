package storetest

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"modernc.org/sqlite"

	"github.com/zeblit/zeblit/internal/store"
)

// bounds has how many pages a file of SQLite may have, by the file's path. The bound is
// a connection's and not the file's, and the pool may open another at any time.
var bounds sync.Map

func init() {
	sqlite.RegisterConnectionHook(func(c sqlite.ExecQuerierContext, dsn string) error {
		// Unlike in store.Open: the machine stays up, and commits need not wait for a disk
		// that others keep busy.
		if _, err := c.ExecContext(context.Background(), "PRAGMA synchronous = OFF", nil); err != nil {
			return err
		}
		file, err := url.Parse(dsn)
		if err != nil {
			return err
		}
		pages, ok := bounds.Load(file.Path)
		if !ok {
			return nil
		}
		_, err = c.ExecContext(context.Background(), fmt.Sprintf("PRAGMA max_page_count = %d", pages), nil)
		return err
	})
}

// Bound lets the file of db grow by so many pages and no more.
func Bound(t *testing.T, db *store.DB, room int) {
	t.Helper()
	var file string
	require.NoError(t, db.SQL.QueryRow("SELECT file FROM pragma_database_list WHERE name = 'main'").Scan(&file))
	var pages int
	require.NoError(t, db.SQL.QueryRow("PRAGMA page_count").Scan(&pages))
	bounds.Store(file, pages+room)
	open := db.SQL.Stats().MaxOpenConnections
	db.SQL.SetMaxIdleConns(-1) // closes those that are open
	require.Zero(t, db.SQL.Stats().OpenConnections)
	db.SQL.SetMaxIdleConns(open)
}
