package store

import (
	"context"
	"errors"
	"sync/atomic"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
)

// ErrInTransaction tells of a mistake in the program: the pool's connections were asked for
// one with the context of a transaction that is under way.
var ErrInTransaction = errors.New("the database is used beside the transaction that is under way")

type transactionKey struct{}

// inside marks a context as that of a transaction, until leave is called.
func inside(ctx context.Context) (marked context.Context, leave func()) {
	ended := new(atomic.Bool)
	return context.WithValue(ctx, transactionKey{}, ended), func() { ended.Store(true) }
}

// outside fails within a transaction.
func outside(ctx context.Context) error {
	if ended, ok := ctx.Value(transactionKey{}).(*atomic.Bool); ok && !ended.Load() {
		return ErrInTransaction
	}
	return nil
}

// pool is ent's way to the connections.
type pool struct {
	*entsql.Driver
	db *DB
}

func (p pool) Query(ctx context.Context, query string, args, v any) error {
	if err := outside(ctx); err != nil {
		return err
	}
	return p.Driver.Query(ctx, query, args, v)
}

func (p pool) Exec(ctx context.Context, query string, args, v any) error {
	end, err := p.db.Turn(ctx)
	if err != nil {
		return err
	}
	defer end()
	return p.Driver.Exec(ctx, query, args, v)
}

func (p pool) Tx(ctx context.Context) (dialect.Tx, error) {
	end, err := p.db.Turn(ctx)
	if err != nil {
		return nil, err
	}
	tx, err := p.Driver.Tx(ctx)
	if err != nil {
		end()
		return nil, err
	}
	return ending{tx, end}, nil
}

// ending is one of ent's own transactions, for a change of several statements.
type ending struct {
	dialect.Tx
	end func()
}

func (e ending) Commit() error {
	defer e.end()
	return e.Tx.Commit()
}

func (e ending) Rollback() error {
	defer e.end()
	return e.Tx.Rollback()
}
