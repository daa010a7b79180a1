package store

import (
	"context"
	"errors"
	"strings"
	"time"

	"entgo.io/ent/dialect"
)

// TurnWithin is Turn with another limit.
func (db *DB) TurnWithin(ctx context.Context, limit time.Duration) (end func(), err error) {
	return db.turns.take(ctx, limit, false)
}

// NewTurns are SQLite's without a database: take is Turn, or TurnAhead.
func NewTurns() (take func(ctx context.Context, ahead bool) (end func(), err error)) {
	t := newTurns(dialect.SQLite)
	return func(ctx context.Context, ahead bool) (func(), error) { return t.take(ctx, turnLimit, ahead) }
}

// MigrateBefore applies the migrations that are older than the one of that name.
func (db *DB) MigrateBefore(ctx context.Context, name string) (err error) {
	conn, err := db.SQL.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	unlock, err := db.lockMigrations(ctx, conn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	files, err := migrationFiles(db.Dialect)
	if err != nil {
		return err
	}
	if _, err := appliedMigrations(ctx, conn); err != nil { // makes the table
		return err
	}
	for _, f := range files {
		if strings.Contains(f.Name(), name) {
			return nil
		}
		if err := applyMigration(ctx, conn, f); err != nil {
			return err
		}
	}
	return errors.New("there is no migration " + name)
}
