// Package idempotency lets a client send a request twice and have it done once:
// it remembers for a day, in the transaction of the change itself, what a keyed
// request of a user did. Only successes are remembered.
package idempotency

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"entgo.io/ent/dialect"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/idempotencykey"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
)

const (
	maxKey  = 200            // characters
	keepFor = 24 * time.Hour // from the success on
)

// Do runs act within tx unless the viewer did the same operation with key before;
// then it returns the id that act returned that time, and repeated is true. The
// same key with another input is a CONFLICT of the field "idempotencyKey". An
// empty key always acts. input must marshal to JSON.
//
// Of two requests with one key at the same time, the second waits for the first
// one's transaction to end.
func Do(ctx context.Context, tx *store.Tx, operation, key string, input any, act func() (resultID string, err error)) (resultID string, repeated bool, err error) {
	if key == "" {
		resultID, err = act()
		return resultID, false, err
	}
	if err := check(key); err != nil {
		return "", false, err
	}
	viewer, err := access.RequireViewer(ctx)
	if err != nil {
		return "", false, err
	}
	text, err := json.Marshal(input)
	if err != nil {
		return "", false, fmt.Errorf("marshal the input of %s: %w", operation, err)
	}
	hash := sha256.Sum256(text)
	if err := serialise(ctx, tx, viewer.UserID, operation, key); err != nil {
		return "", false, err
	}
	now := store.Now()
	done, err := recall(ctx, tx, viewer.UserID, operation, key, now)
	if err != nil {
		return "", false, err
	}
	if done != nil {
		if !bytes.Equal(done.InputHash, hash[:]) {
			return "", false, &problem.Error{Code: problem.Conflict, Field: "idempotencyKey",
				Message: "this key was used for a request with other input"}
		}
		return done.ResultID, true, nil
	}
	if resultID, err = act(); err != nil {
		return "", false, err
	}
	err = tx.Ent.IdempotencyKey.Create().SetUserID(viewer.UserID).SetOperation(operation).SetKey(key).
		SetInputHash(hash[:]).SetResultID(resultID).SetExpiresAt(now.Add(keepFor)).Exec(ctx)
	if err != nil {
		return "", false, fmt.Errorf("remember %s: %w", operation, err)
	}
	return resultID, false, nil
}

func check(key string) error {
	if utf8.RuneCountInString(key) > maxKey {
		return problem.BadField("idempotencyKey", "a key is at most %d characters", maxKey)
	}
	if !utf8.ValidString(key) || strings.ContainsFunc(key, unicode.IsControl) {
		return problem.BadField("idempotencyKey", "a key holds no control characters")
	}
	return nil
}

// serialise makes requests with the same key wait for each other. SQLite's
// transactions do so anyway.
func serialise(ctx context.Context, tx *store.Tx, userID, operation, key string) error {
	if tx.Dialect != dialect.Postgres {
		return nil
	}
	_, err := tx.SQL.ExecContext(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", userID+" "+operation+" "+key)
	if err != nil {
		return fmt.Errorf("wait for the same key: %w", err)
	}
	return nil
}

// recall finds what was done with the key, or nil. It clears the way when that
// was too long ago.
func recall(ctx context.Context, tx *store.Tx, userID, operation, key string, now time.Time) (*ent.IdempotencyKey, error) {
	where := idempotencykey.And(idempotencykey.UserID(userID), idempotencykey.Operation(operation), idempotencykey.Key(key))
	done, err := tx.Ent.IdempotencyKey.Query().Where(where).Only(ctx)
	switch {
	case ent.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("look up the key of %s: %w", operation, err)
	case done.ExpiresAt.After(now):
		return done, nil
	}
	if _, err := tx.Ent.IdempotencyKey.Delete().Where(where).Exec(ctx); err != nil {
		return nil, fmt.Errorf("forget an old key of %s: %w", operation, err)
	}
	return nil, nil
}

// forgetAtOnce bounds one transaction.
const forgetAtOnce = 1000

// Forget removes what was remembered for long enough. It needs the actor Maintenance.
func Forget(ctx context.Context, db *store.DB) error {
	old, err := db.Ent.IdempotencyKey.Query().Where(idempotencykey.ExpiresAtLT(store.Now())).Limit(forgetAtOnce).IDs(ctx)
	if err != nil || len(old) == 0 {
		return err
	}
	_, err = db.Ent.IdempotencyKey.Delete().Where(idempotencykey.IDIn(old...)).Exec(ctx)
	return err
}
