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
func (db *DB) Turn(ctx context.Context) (end func(), err error) { return db.turn(ctx, false) }

// TurnAhead is Turn for what is short and loses its sense when it comes late: those who wait
// in line come after it, all but the first.
func (db *DB) TurnAhead(ctx context.Context) (end func(), err error) { return db.turn(ctx, true) }

func (db *DB) turn(ctx context.Context, ahead bool) (end func(), err error) {
	if err := outside(ctx); err != nil {
		return nil, err
	}
	if db.turns == nil {
		return func() {}, nil
	}
	return db.turns.take(ctx, turnLimit, ahead)
}

// turns holds a token in now while somebody writes. Of those who wait for that in line only
// the first tries to put it there, and has one in next.
type turns struct{ next, now chan struct{} }

// newTurns is nil where writers need none.
func newTurns(name string) *turns {
	if name != dialect.SQLite {
		return nil
	}
	return &turns{next: make(chan struct{}, 1), now: make(chan struct{}, 1)}
}

func (t *turns) take(ctx context.Context, limit time.Duration, ahead bool) (end func(), err error) {
	var late *time.Timer
	wait := func(c chan<- struct{}) error {
		select {
		case c <- struct{}{}:
			return nil
		default:
		}
		if late == nil {
			late = time.NewTimer(limit)
		}
		select {
		case c <- struct{}{}:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-late.C:
			return errNoTurn
		}
	}
	defer func() {
		if late != nil {
			late.Stop()
		}
	}()
	if !ahead {
		if err := wait(t.next); err != nil {
			return nil, err
		}
		defer func() { <-t.next }()
	}
	if err := wait(t.now); err != nil {
		return nil, err
	}
	ended := false
	return func() {
		if !ended {
			ended = true
			<-t.now
		}
	}, nil
}
