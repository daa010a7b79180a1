package store_test

import (
	"context"
	"errors"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/privacy"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/pgtest"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMigrateTwiceDoesNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		applied, err := db.Migrate(t.Context())
		require.NoError(t, err)
		require.Empty(t, applied)
		pending, err := db.Pending(t.Context())
		require.NoError(t, err)
		require.Empty(t, pending)
	})
}

func TestTransactionIsAllOrNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := storetest.Unchecked(t.Context())
		refused := errors.New("refused")
		var after bool
		err := db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
			tx.AfterCommit(func() { after = true })
			tx.BeforeCommit(func(context.Context) error { return refused })
			_, err := tx.Ent.Organisation.Create().SetName("a").Save(ctx)
			return err
		})
		require.ErrorIs(t, err, refused)
		require.False(t, after)
		n, err := db.Ent.Organisation.Query().Count(ctx)
		require.NoError(t, err)
		require.Zero(t, n)

		require.NoError(t, db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
			tx.AfterCommit(func() { after = true })
			if _, err := tx.Ent.Organisation.Create().SetName("a").Save(ctx); err != nil {
				return err
			}
			_, err := tx.SQL.ExecContext(ctx, "UPDATE organisations SET name = $1", "b")
			return err
		}))
		require.True(t, after)
		o, err := db.Ent.Organisation.Query().Only(ctx)
		require.NoError(t, err)
		require.Equal(t, "b", o.Name)
	})
}

func TestAnAttemptThatFailsIsUndoneAlone(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := storetest.Unchecked(t.Context())
		refused := errors.New("refused")
		var told []string
		add := func(tx *store.Tx, name string) func() error {
			return func() error {
				tx.Value(name, func() any { return name })
				tx.AfterCommit(func() { told = append(told, name) })
				return tx.Ent.Organisation.Create().SetName(name).Exec(ctx)
			}
		}
		require.NoError(t, db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
			require.NoError(t, add(tx, "before")())
			require.ErrorIs(t, tx.Try(ctx, func() error {
				require.NoError(t, add(tx, "undone")())
				return refused
			}), refused)
			require.Equal(t, "anew", tx.Value("undone", func() any { return "anew" }))
			require.Error(t, tx.Try(ctx, func() error {
				_, err := tx.SQL.ExecContext(ctx, "DELETE FROM nothing")
				return err
			}), "and the transaction goes on")
			return tx.Try(ctx, add(tx, "after"))
		}))
		names, err := db.Ent.Organisation.Query().Order(ent.Asc("id")).Select("name").Strings(ctx)
		require.NoError(t, err)
		require.Equal(t, []string{"before", "after"}, names)
		require.Equal(t, []string{"before", "after"}, told)
	})
}

func TestNoViewerNoRows(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		alice := storetest.User(t, db, "alice@example.com")
		bob := storetest.User(t, db, "bob@example.com")
		p := storetest.Project(t, db, alice, "secret")

		_, err := db.Ent.Project.Get(t.Context(), p.ID)
		require.ErrorIs(t, err, privacy.Deny)

		got, err := db.Ent.Project.Query().All(access.WithViewer(t.Context(), bob))
		require.NoError(t, err)
		require.Empty(t, got)
		err = db.Ent.Project.UpdateOneID(p.ID).SetName("mine").Exec(access.WithViewer(t.Context(), bob))
		require.Error(t, err)

		got, err = db.Ent.Project.Query().All(access.WithViewer(t.Context(), alice))
		require.NoError(t, err)
		require.Len(t, got, 1)
		require.Equal(t, "secret", got[0].Name)
		users, err := db.Ent.User.Query().Count(access.WithViewer(t.Context(), alice))
		require.NoError(t, err)
		require.Equal(t, 1, users)
	})
}

// On SQLite it would wait for connections that others hold who wait for this transaction.
func TestNothingElseIsUsedWithATransactionsContext(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		alice := storetest.User(t, db, "alice@example.com")
		p := storetest.Project(t, db, alice, "hers")
		ctx := access.WithViewer(t.Context(), alice)
		nested := func(context.Context, *store.Tx) error { return nil }
		var late context.Context
		require.NoError(t, db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
			late = ctx
			_, err := tx.Ent.User.Query().Count(ctx)
			require.NoError(t, err)
			_, err = db.Ent.User.Query().Count(ctx)
			require.ErrorIs(t, err, store.ErrInTransaction)
			require.ErrorIs(t, db.Ent.Project.UpdateOneID(p.ID).SetName("Hers").Exec(ctx), store.ErrInTransaction)
			require.ErrorIs(t, db.InTx(ctx, nested), store.ErrInTransaction)
			tx.AfterCommit(func() {
				_, err := db.Ent.User.Query().Count(ctx)
				require.NoError(t, err, "after the end")
			})
			return nil
		}))
		require.NoError(t, db.InTx(late, nested))
	})
}

func TestASilentTransactionIsEnded(t *testing.T) {
	t.Parallel()
	base, drop, err := pgtest.Create("")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, drop()) })
	for given, want := range map[string]string{
		"": "5s",
		"&idle_in_transaction_session_timeout=1000":                                  "1s",
		"&options=" + url.QueryEscape("-c idle_in_transaction_session_timeout=7000"): "7s",
	} {
		db, err := store.OpenPostgres(base + given)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, db.Close()) })
		var got string
		require.NoError(t, db.SQL.QueryRow("SHOW idle_in_transaction_session_timeout").Scan(&got))
		require.Equal(t, want, got, given)
	}
}
