package store

import (
	"context"
	"errors"
	"time"

	"entgo.io/ent/dialect"
)

// SQLite lets one connection write at a time, and has the others ask again and again, in no
// order. Whoever waits so holds a connection that readers lack. Writers of this process
// therefore wait for their turn before they take one, the first first.

// turnLimit is how long a writer waits: as long as SQLite itself would let it.
const turnLimit = busyTimeout

// errNoTurn is unavailable: somebody else was in the way.
var errNoTurn = errors.New("the database is busy with another write")

// Turn waits until it is the caller's turn to write and returns what ends it, which may be
// called more than once. On PostgreSQL it is at once. Within a transaction it fails.
func (db *DB) Turn(ctx context.Context) (end func(), err error) {
	if err := outside(ctx); err != nil {
		return nil, err
	}
	if db.turns == nil {
		return func() {}, nil
	}
	return db.turns.take(ctx, turnLimit)
}

type turns chan struct{}

// newTurns is nil where writers need none.
func newTurns(name string) turns {
	if name != dialect.SQLite {
		return nil
	}
	return make(turns, 1)
}

func (t turns) take(ctx context.Context, limit time.Duration) (end func(), err error) {
	select {
	case t <- struct{}{}:
	default:
		late := time.NewTimer(limit)
		defer late.Stop()
		select {
		case t <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-late.C:
			return nil, errNoTurn
		}
	}
	ended := false
	return func() {
		if !ended {
			ended = true
			<-t
		}
	}, nil
}
