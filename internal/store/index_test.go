package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/store/storetest"
)

// What goes takes along what refers to it, and what refers to it is found by an index:
// without one, each row that goes would look through a whole table. Agents and users are
// never removed.
func TestWhatGoesIsFoundByAnIndex(t *testing.T) {
	t.Parallel()
	db := storetest.Postgres(t)
	rows, err := db.SQL.QueryContext(t.Context(), `
		SELECT c.conrelid::regclass || '.' || a.attname
		FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
		WHERE c.contype = 'f' AND c.confrelid::regclass::text NOT IN ('agents', 'users') AND NOT EXISTS (
			SELECT FROM pg_index i WHERE i.indrelid = c.conrelid AND i.indkey[0] = c.conkey[1] AND
				(i.indpred IS NULL OR pg_get_expr(i.indpred, i.indrelid) LIKE '%' || a.attname || ' IS NOT NULL%'))
		ORDER BY 1`)
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	for rows.Next() {
		var column string
		require.NoError(t, rows.Scan(&column))
		t.Errorf("%s has no index", column)
	}
	require.NoError(t, rows.Err())
}
