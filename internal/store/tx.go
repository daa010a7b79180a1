package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/zeblit/zeblit/ent"
)

// Tx is one transaction, seen through ent and through database/sql.
type Tx struct {
	Ent     *ent.Client
	SQL     *sql.Tx
	Dialect string

	before []func(context.Context) error
	after  []func()
	values map[any]any
}

// InTx runs fn in a transaction and commits it when fn returns nil. fn must use tx alone:
// on SQLite any other write would wait for this one, and so would what takes a connection
// that the waiting ones hold. With fn's context the rest of DB therefore fails with
// ErrInTransaction.
func (db *DB) InTx(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) (err error) {
	end, err := db.Turn(ctx)
	if err != nil {
		return fmt.Errorf("wait to write: %w", err)
	}
	defer end()
	sqlTx, err := db.SQL.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	ctx, leave := inside(ctx)
	defer leave()
	tx := &Tx{Ent: ent.NewClient(ent.Driver(txDriver{entsql.Conn{ExecQuerier: sqlTx}, db.Dialect})), SQL: sqlTx, Dialect: db.Dialect}
	defer func() {
		if p := recover(); p != nil {
			_ = sqlTx.Rollback()
			panic(p)
		}
		if err != nil {
			if rollback := sqlTx.Rollback(); rollback != nil && !errors.Is(rollback, sql.ErrTxDone) {
				err = errors.Join(err, fmt.Errorf("roll back: %w", rollback))
			}
		}
	}()
	if err := fn(ctx, tx); err != nil {
		return err
	}
	for _, f := range tx.before {
		if err := f(ctx); err != nil {
			return err
		}
	}
	if err := sqlTx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	leave()
	end()
	for _, f := range tx.after {
		f()
	}
	return nil
}

// Try runs fn and undoes what it has written when it fails, whose error it returns; the
// transaction goes on. What fn put into a Value that was there before is not taken back:
// it fails before it does so, or not at all.
func (tx *Tx) Try(ctx context.Context, fn func() error) error {
	if _, err := tx.SQL.ExecContext(ctx, "SAVEPOINT attempt"); err != nil {
		return fmt.Errorf("begin an attempt: %w", err)
	}
	before, after, values := len(tx.before), len(tx.after), maps.Clone(tx.values)
	end := "RELEASE SAVEPOINT attempt"
	err := fn()
	if err != nil {
		tx.before, tx.after, tx.values = tx.before[:before], tx.after[:after], values
		end = "ROLLBACK TO SAVEPOINT attempt"
	}
	if _, failed := tx.SQL.ExecContext(ctx, end); failed != nil {
		return errors.Join(err, fmt.Errorf("end an attempt: %w", failed))
	}
	return err
}

// BeforeCommit runs fn as a part of the transaction once everything else in it
// is done, in the order of the calls. An error rolls the transaction back.
func (tx *Tx) BeforeCommit(fn func(ctx context.Context) error) { tx.before = append(tx.before, fn) }

// AfterCommit runs fn when the transaction is committed, in the order of the calls.
func (tx *Tx) AfterCommit(fn func()) { tx.after = append(tx.after, fn) }

// Value keeps what a package wants to remember of this transaction under a key
// of its own type; create makes it at first use.
func (tx *Tx) Value(key any, create func() any) any {
	if v, ok := tx.values[key]; ok {
		return v
	}
	if tx.values == nil {
		tx.values = map[any]any{}
	}
	v := create()
	tx.values[key] = v
	return v
}

// txDriver lets ent work in a transaction that is not its own: what ent would
// begin and commit inside of it is nothing.
type txDriver struct {
	entsql.Conn
	name string
}

func (d txDriver) Dialect() string                        { return d.name }
func (d txDriver) Close() error                           { return nil }
func (d txDriver) Tx(context.Context) (dialect.Tx, error) { return dialect.NopTx(d), nil }
