// Package storetest gives each test a fresh, migrated database of either kind,
// so that one test body holds for both.
package storetest

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"entgo.io/ent/dialect"
	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/organisation"
	"github.com/zeblit/zeblit/ent/privacy"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/pgtest"
)

// Each runs test as a parallel subtest on each kind of database.
func Each(t *testing.T, test func(t *testing.T, db *store.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, SQLite(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, Postgres(t))
	})
}

// EachURL is Each for tests that let other processes open the database: a file's path or
// an address.
func EachURL(t *testing.T, test func(t *testing.T, db *store.DB, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		db := SQLite(t)
		var file string
		require.NoError(t, db.SQL.QueryRowContext(t.Context(), "SELECT file FROM pragma_database_list WHERE name = 'main'").Scan(&file))
		test(t, db, file)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		url := PostgresURL(t)
		db, err := store.OpenPostgres(url)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, db.Close()) })
		test(t, db, url)
	})
}

// SQLite opens a fresh database in a file that goes when the test ends.
func SQLite(t testing.TB) *store.DB {
	t.Helper()
	file := filepath.Join(t.TempDir(), "zeblit.db")
	template, err := sqliteTemplate()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, template, 0o600))
	db, err := store.OpenSQLite(file)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// Postgres opens a fresh database that is dropped when the test ends.
func Postgres(t testing.TB) *store.DB {
	t.Helper()
	db, err := store.OpenPostgres(PostgresURL(t))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// PostgresURL makes a migrated database for a test that opens it itself.
func PostgresURL(t testing.TB) string {
	t.Helper()
	template, err := postgresTemplate()
	require.NoError(t, err)
	databaseURL, drop, err := pgtest.Create(template)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, drop()) })
	u, err := url.Parse(databaseURL)
	require.NoError(t, err)
	settings := u.Query()
	settings.Set("idle_in_transaction_session_timeout", "60000") // a busy machine may leave a test alone for a while
	u.RawQuery = settings.Encode()
	return u.String()
}

// sqliteTemplate is the bytes of a migrated, empty database file.
var sqliteTemplate = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "zeblit-template-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "template.db")
	db, err := store.OpenSQLite(file)
	if err != nil {
		return nil, err
	}
	if _, err := db.Migrate(context.Background()); err != nil {
		return nil, err
	}
	if _, err := db.SQL.Exec("PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		return nil, err
	}
	if err := db.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(file)
})

// postgresTemplate is the name of a migrated, empty database to copy.
var postgresTemplate = sync.OnceValues(func() (string, error) {
	databaseURL, _, err := pgtest.Create("")
	if err != nil {
		return "", err
	}
	u, err := url.Parse(databaseURL)
	if err != nil {
		return "", err
	}
	db, err := store.OpenPostgres(databaseURL)
	if err != nil {
		return "", err
	}
	if _, err := db.Migrate(context.Background()); err != nil {
		return "", err
	}
	return u.Path[1:], db.Close() // PostgreSQL copies only what nobody is connected to
})

// Unchecked lets a test's own look-ups and preparations past the policy.
func Unchecked(ctx context.Context) context.Context {
	return privacy.DecisionContext(ctx, privacy.Allow)
}

// User makes an account with a personal organisation and returns it as a viewer.
func User(t testing.TB, db *store.DB, email string) access.Viewer {
	t.Helper()
	ctx := Unchecked(context.Background())
	u, err := db.Ent.User.Create().SetEmail(email).SetName(email).SetPasswordHash("none").Save(ctx)
	require.NoError(t, err)
	o, err := db.Ent.Organisation.Create().SetName(email).SetPersonal(true).Save(ctx)
	require.NoError(t, err)
	_, err = db.Ent.OrgMembership.Create().SetOrganisationID(o.ID).SetUserID(u.ID).SetRole(enum.OrganisationOwner).Save(ctx)
	require.NoError(t, err)
	return access.Viewer{UserID: u.ID}
}

// Project makes a project of the viewer with its stream.
func Project(t testing.TB, db *store.DB, viewer access.Viewer, name string) *ent.Project {
	t.Helper()
	ctx := Unchecked(context.Background())
	org, err := db.Ent.OrgMembership.Query().QueryOrganisation().Order(ent.Asc(organisation.FieldID)).FirstID(ctx)
	require.NoError(t, err)
	p, err := db.Ent.Project.Create().SetName(name).SetOwnerID(viewer.UserID).SetOrganisationID(org).Save(ctx)
	require.NoError(t, err)
	_, err = db.Ent.Membership.Create().SetProjectID(p.ID).SetUserID(viewer.UserID).SetRole(enum.ProjectOwner).Save(ctx)
	require.NoError(t, err)
	_, err = db.Ent.Stream.Create().SetID(p.ID).Save(ctx)
	require.NoError(t, err)
	return p
}

// Run makes an agent, a conversation with one message, and a run for it in state.
func Run(t testing.TB, db *store.DB, p *ent.Project, state enum.RunState) *ent.Run {
	t.Helper()
	ctx := Unchecked(context.Background())
	agent, err := db.Ent.Agent.Query().First(ctx)
	if ent.IsNotFound(err) {
		agent, err = db.Ent.Agent.Create().SetSlug("engineer").SetName("Senior Engineer").SetDescription("writes code").Save(ctx)
	}
	require.NoError(t, err)
	c, err := db.Ent.Conversation.Create().SetProjectID(p.ID).SetTitle("test").SetNextPosition(1).Save(ctx)
	require.NoError(t, err)
	m, err := db.Ent.Message.Create().SetConversationID(c.ID).SetProjectID(p.ID).SetAuthorID(p.OwnerID).
		SetRole(enum.RoleUser).SetStatus(enum.MessageComplete).SetText("test").SetPosition(0).Save(ctx)
	require.NoError(t, err)
	r, err := db.Ent.Run.Create().SetProjectID(p.ID).SetConversationID(c.ID).SetAgentID(agent.ID).
		SetUserID(p.OwnerID).SetMessageID(m.ID).SetState(state).Save(ctx)
	require.NoError(t, err)
	return r
}

// Linger lets a test's own transaction be idle for as long as the test takes.
func Linger(t testing.TB, tx *store.Tx) {
	t.Helper()
	if tx.Dialect == dialect.Postgres {
		_, err := tx.SQL.ExecContext(context.Background(), "SET LOCAL idle_in_transaction_session_timeout = 0")
		require.NoError(t, err)
	}
}

// IsPostgres reports which kind a test runs on.
func IsPostgres(db *store.DB) bool { return db.Dialect == dialect.Postgres }
