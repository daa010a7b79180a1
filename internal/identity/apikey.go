package identity

import (
	"context"
	"crypto/sha256"
	"hash/crc32"
	"strings"
	"time"

	"entgo.io/ent/dialect"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/apikey"
	"github.com/zeblit/zeblit/ent/predicate"
	"github.com/zeblit/zeblit/ent/user"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/idempotency"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/relay"
	"github.com/zeblit/zeblit/internal/store"
)

// An API key is its prefix, random characters, and a checksum of those, by which
// a mistyped or made-up key is refused without asking the database, and by which
// scanners of leaked secrets know one.
const (
	keyPrefix     = "zbl_"
	keyRandom     = 32
	keyChecksum   = 6
	keyShown      = 12 // characters that may be shown later
	maxActiveKeys = 20 // of one user
	keyUsedEvery  = time.Minute
)

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// CreateAPIKey makes a key of the viewer, which never expires when expiresAt is
// nil. Its secret is not to be had again: it is empty when a request is repeated with
// its idempotencyKey ("": none). PRECONDITION_FAILED at 20 active keys.
func (s *Service) CreateAPIKey(ctx context.Context, name string, expiresAt *time.Time, idempotencyKey string) (*ent.ApiKey, string, error) {
	v, err := requirePerson(ctx)
	if err != nil {
		return nil, "", err
	}
	if name, err = cleanName(name); err != nil {
		return nil, "", err
	}
	if expiresAt != nil {
		at := expiresAt.UTC().Truncate(time.Microsecond)
		if !at.After(s.now()) || at.Year() > 9999 {
			return nil, "", problem.BadField("expiresAt", "must be in the future")
		}
		expiresAt = &at
	}
	input := struct {
		Name      string
		ExpiresAt *time.Time
	}{name, expiresAt}
	var secret string
	key, err := inTx(ctx, s.db, func(ctx context.Context, tx *store.Tx) (*ent.ApiKey, error) {
		auth := access.As(ctx, access.Auth)
		id, _, err := idempotency.Do(ctx, tx, "createApiKey", idempotencyKey, input, func() (string, error) {
			if err := roomForKey(auth, tx, v.UserID, s.now()); err != nil {
				return "", err
			}
			var key *ent.ApiKey
			var err error
			if key, secret, err = s.createKey(auth, tx, v.UserID, name, expiresAt); err != nil {
				return "", err
			}
			return key.ID, nil
		})
		if err != nil {
			return nil, err
		}
		return tx.Ent.ApiKey.Get(auth, id)
	})
	if err != nil {
		return nil, "", doing(err, "create an API key")
	}
	return key, secret, nil
}

// RevokeAPIKey ends a key of the viewer; one that is revoked already stays as it
// is. NOT_FOUND for anyone else's.
func (s *Service) RevokeAPIKey(ctx context.Context, id string) (*ent.ApiKey, error) {
	v, err := requirePerson(ctx)
	if err != nil {
		return nil, err
	}
	if relay.IDPrefix(id) == "" {
		return nil, problem.Missing("id", "API key")
	}
	key, err := inTx(access.As(ctx, access.Auth), s.db, func(ctx context.Context, tx *store.Tx) (*ent.ApiKey, error) {
		mine := apikey.And(apikey.ID(id), apikey.UserID(v.UserID))
		err := tx.Ent.ApiKey.Update().Where(mine, apikey.RevokedAtIsNil()).SetRevokedAt(s.now()).Exec(ctx)
		if err != nil {
			return nil, err
		}
		return tx.Ent.ApiKey.Query().Where(mine).Only(ctx)
	})
	if ent.IsNotFound(err) {
		return nil, problem.Missing("id", "API key")
	}
	return key, doing(err, "revoke an API key")
}

func (s *Service) createKey(ctx context.Context, tx *store.Tx, userID, name string, expiresAt *time.Time) (*ent.ApiKey, string, error) {
	secret := newAPIKey()
	hash := sha256.Sum256([]byte(secret))
	key, err := tx.Ent.ApiKey.Create().SetUserID(userID).SetName(name).SetPrefix(secret[:keyShown]).
		SetHash(hash[:]).SetNillableExpiresAt(expiresAt).Save(ctx)
	return key, secret, err
}

// roomForKey is PRECONDITION_FAILED where a user has as many keys as one may have.
// It makes those who count a user's keys take turns.
func roomForKey(ctx context.Context, tx *store.Tx, userID string, now time.Time) error {
	if err := lockUser(ctx, tx, userID); err != nil {
		return err
	}
	n, err := tx.Ent.ApiKey.Query().Where(apikey.UserID(userID), activeKey(now)).Count(ctx)
	if err != nil {
		return err
	}
	if n >= maxActiveKeys {
		return problem.New(problem.PreconditionFailed, "you have %d active API keys, which is the most: revoke one first", n)
	}
	return nil
}

// lockUser makes transactions that count a user's keys take turns. SQLite's
// write transactions do so anyway.
func lockUser(ctx context.Context, tx *store.Tx, id string) error {
	if tx.Dialect != dialect.Postgres {
		return nil
	}
	_, err := tx.Ent.User.Query().Where(user.ID(id)).ForUpdate().OnlyID(ctx)
	return err
}

// requirePerson keeps credentials out of the hands of agents: what a person could
// make for themselves must not outlive the run that an agent works in.
func requirePerson(ctx context.Context) (*access.Viewer, error) {
	v, err := access.RequireViewer(ctx)
	if err == nil && v.Agent != "" {
		return nil, problem.New(problem.Forbidden, "an agent may not manage API keys")
	}
	return v, err
}

// activeKey is the keys that are neither revoked nor expired.
func activeKey(now time.Time) predicate.ApiKey {
	return apikey.And(apikey.RevokedAtIsNil(), apikey.Or(apikey.ExpiresAtIsNil(), apikey.ExpiresAtGT(now)))
}

func newAPIKey() string {
	random := randomBase62(keyRandom)
	return keyPrefix + random + checksum(random)
}

func wellFormedKey(key string) bool {
	body, ok := strings.CutPrefix(key, keyPrefix)
	return ok && len(body) == keyRandom+keyChecksum && checksum(body[:keyRandom]) == body[keyRandom:]
}

// checksum is the CRC-32 (IEEE) of s as six base 62 digits.
func checksum(s string) string {
	sum := crc32.ChecksumIEEE([]byte(s))
	var out [keyChecksum]byte
	for i := keyChecksum - 1; i >= 0; i-- {
		out[i] = base62[sum%62]
		sum /= 62
	}
	return string(out[:])
}

// randomBase62 returns n characters, each of the 62 equally likely.
func randomBase62(n int) string {
	out := make([]byte, 0, n)
	for len(out) < n {
		for _, b := range randomBytes(n) {
			if b < 62*4 && len(out) < n { // above it, some characters would come up more often
				out = append(out, base62[b%62])
			}
		}
	}
	return string(out)
}
