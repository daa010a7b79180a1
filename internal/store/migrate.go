package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"ariga.io/atlas/sql/migrate"
	"entgo.io/ent/dialect"

	"github.com/zeblit/zeblit/ent/migrate/migrations"
)

// lockKey names the advisory lock under which PostgreSQL nodes migrate one at a time.
const lockKey = 7_233_901_442

// Migrate applies the migrations that the database lacks, each in a transaction
// of its own, then runs what else has to be brought up to date, and returns the
// names of those applied. Several processes may call it at once: they take turns.
func (db *DB) Migrate(ctx context.Context, then ...func(context.Context) error) (applied []string, err error) {
	conn, err := db.SQL.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to migrate: %w", err)
	}
	defer func() { _ = conn.Close() }()
	unlock, err := db.lockMigrations(ctx, conn)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, unlock()) }()

	files, err := migrationFiles(db.Dialect)
	if err != nil {
		return nil, err
	}
	done, err := appliedMigrations(ctx, conn)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if done[f.Version()] {
			continue
		}
		if err := applyMigration(ctx, conn, f); err != nil {
			return applied, fmt.Errorf("migration %s: %w", f.Name(), err)
		}
		applied = append(applied, f.Name())
	}
	for _, f := range then {
		if err := f(ctx); err != nil {
			return applied, err
		}
	}
	return applied, nil
}

// Pending lists the migrations that the database lacks.
func (db *DB) Pending(ctx context.Context) ([]string, error) {
	conn, err := db.SQL.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	defer func() { _ = conn.Close() }()
	files, err := migrationFiles(db.Dialect)
	if err != nil {
		return nil, err
	}
	done, err := appliedMigrations(ctx, conn)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, f := range files {
		if !done[f.Version()] {
			names = append(names, f.Name())
		}
	}
	return names, nil
}

// lockMigrations takes the database's migration lock. On SQLite a rebuild of a
// table must not delete its children, so foreign keys are off on this connection
// meanwhile; applyMigration checks them before it commits.
func (db *DB) lockMigrations(ctx context.Context, conn *sql.Conn) (unlock func() error, err error) {
	lock, release := "PRAGMA foreign_keys = OFF", "PRAGMA foreign_keys = ON"
	if db.Dialect == dialect.Postgres {
		lock = fmt.Sprintf("SELECT pg_advisory_lock(%d)", lockKey)
		release = fmt.Sprintf("SELECT pg_advisory_unlock(%d)", lockKey)
	}
	if _, err := conn.ExecContext(ctx, lock); err != nil {
		return nil, fmt.Errorf("lock migrations: %w", err)
	}
	return func() error {
		_, err := conn.ExecContext(context.WithoutCancel(ctx), release)
		return err
	}, nil
}

// migrationFiles reads the dialect's migrations, whose sums must be right.
func migrationFiles(name string) ([]migrate.File, error) {
	folder := "postgres"
	if name == dialect.SQLite {
		folder = "sqlite"
	}
	dir := &migrate.MemDir{}
	entries, err := fs.ReadDir(migrations.FS, folder)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		data, err := fs.ReadFile(migrations.FS, path.Join(folder, e.Name()))
		if err != nil {
			return nil, err
		}
		if err := dir.WriteFile(e.Name(), data); err != nil {
			return nil, err
		}
	}
	if err := migrate.Validate(dir); err != nil {
		return nil, fmt.Errorf("%s migrations: %w", folder, err)
	}
	return dir.Files()
}

func appliedMigrations(ctx context.Context, conn *sql.Conn) (map[string]bool, error) {
	const table = `CREATE TABLE IF NOT EXISTS schema_migrations (version varchar(32) PRIMARY KEY, applied_at varchar(40) NOT NULL)`
	if _, err := conn.ExecContext(ctx, table); err != nil {
		return nil, fmt.Errorf("make schema_migrations: %w", err)
	}
	rows, err := conn.QueryContext(ctx, "SELECT version FROM schema_migrations")
	if err != nil {
		return nil, fmt.Errorf("read schema_migrations: %w", err)
	}
	defer func() { _ = rows.Close() }()
	done := map[string]bool{}
	for rows.Next() {
		var version string
		if err := rows.Scan(&version); err != nil {
			return nil, err
		}
		done[version] = true
	}
	return done, rows.Err()
}

func applyMigration(ctx context.Context, conn *sql.Conn, f migrate.File) (err error) {
	statements, err := f.Stmts()
	if err != nil {
		return err
	}
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = tx.Rollback()
		}
	}()
	// Another process may have applied it while this one waited for SQLite.
	var n int
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM schema_migrations WHERE version = $1", f.Version()).Scan(&n); err != nil || n > 0 {
		return errors.Join(err, tx.Rollback())
	}
	sqlite := false
	for _, s := range statements {
		if strings.HasPrefix(strings.ToUpper(s), "PRAGMA") {
			sqlite = true // foreign keys are off already: see lockMigrations
			continue
		}
		if _, err := tx.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	if sqlite {
		if err := checkForeignKeys(ctx, tx); err != nil {
			return err
		}
	}
	const insert = "INSERT INTO schema_migrations (version, applied_at) VALUES ($1, CURRENT_TIMESTAMP)"
	if _, err := tx.ExecContext(ctx, insert, f.Version()); err != nil {
		return err
	}
	return tx.Commit()
}

func checkForeignKeys(ctx context.Context, tx *sql.Tx) error {
	rows, err := tx.QueryContext(ctx, "PRAGMA foreign_key_check")
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	if rows.Next() {
		return errors.New("it would leave rows without their parent")
	}
	return rows.Err()
}
