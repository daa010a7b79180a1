package store_test

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"entgo.io/ent/dialect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

// Each writer that waited in SQLite's own way would hold one of its few connections.
func TestReadersDontWaitForWriters(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	alice := storetest.User(t, db, "alice@example.com")
	p := storetest.Project(t, db, alice, "hers")
	ctx := access.WithViewer(t.Context(), alice)
	waited := db.SQL.Stats().WaitCount
	var begun, ended sync.WaitGroup
	nothing := func(context.Context, *store.Tx) error { return nil }
	require.NoError(t, db.InTx(ctx, func(context.Context, *store.Tx) error {
		for i := range 30 {
			begun.Add(1)
			ended.Go(func() {
				begun.Done()
				switch i % 3 {
				case 0:
					assert.NoError(t, db.InTx(ctx, nothing))
				case 1:
					assert.NoError(t, db.Ent.Project.UpdateOneID(p.ID).SetName("later").Exec(ctx))
				default:
					assert.NoError(t, db.Ent.Project.Update().SetName("last").Exec(ctx))
				}
			})
		}
		begun.Wait()
		_, err := db.Ent.Project.Get(ctx, p.ID)
		return err
	}))
	ended.Wait()
	require.Equal(t, waited, db.SQL.Stats().WaitCount, "nobody has waited for a connection")
}

func TestAWriterWaitsForItsTurnOrSaysSo(t *testing.T) {
	t.Parallel()
	db, err := store.OpenSQLite(filepath.Join(t.TempDir(), "zeblit.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.Equal(t, dialect.SQLite, db.Dialect)
	end, err := db.Turn(t.Context())
	require.NoError(t, err)

	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = db.Turn(gone)
	require.ErrorIs(t, err, context.Canceled)
	err = db.InTx(gone, func(context.Context, *store.Tx) error { return nil })
	require.ErrorIs(t, err, context.Canceled)

	_, err = db.TurnWithin(t.Context(), time.Millisecond)
	require.Error(t, err)
	require.True(t, store.Unavailable(err), "the same may succeed later")

	end()
	end()
	next, err := db.Turn(t.Context())
	require.NoError(t, err)
	next()
}

func TestWhoIsAheadWaitsForNoneInLineButTheFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		take := store.NewTurns()
		var order []string
		write := func(name string, ahead bool) {
			end, err := take(t.Context(), ahead)
			if assert.NoError(t, err) {
				order = append(order, name)
				end()
			}
		}
		end, err := take(t.Context(), false)
		require.NoError(t, err)
		for range 3 {
			go write("line", false)
		}
		synctest.Wait()
		go write("ahead", true)
		synctest.Wait()
		end()
		synctest.Wait()
		require.Equal(t, []string{"line", "ahead", "line", "line"}, order)
	})
}
