package identity_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent/apikey"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/identity"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

func TestAPIKey(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := newClock()
		s := start(t, db, c)
		tokens := signUp(t, s, "alice@example.com")
		ctx := as(t, s, tokens.AccessToken)
		expires := c.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
		key, secret, err := s.CreateAPIKey(ctx, " laptop ", &expires, "")
		require.NoError(t, err)
		require.Equal(t, "laptop", key.Name)
		require.Regexp(t, `^zbl_[0-9A-Za-z]{38}$`, secret)
		require.Equal(t, secret[:12], key.Prefix)
		require.Nil(t, key.LastUsedAt)

		keyed := as(t, s, secret)
		viewer := access.ViewerFrom(keyed)
		require.Equal(t, access.Viewer{UserID: tokens.User.ID, KeyID: key.ID, ExpiresAt: expires}, *viewer)
		require.NoError(t, s.Revalidate(keyed))
		requireCode(t, s.SignOut(keyed), problem.Forbidden, "")

		used := func() time.Time {
			k, err := db.Ent.ApiKey.Query().Where(apikey.ID(key.ID)).Only(ctx)
			require.NoError(t, err)
			return *k.LastUsedAt
		}
		first := used()
		require.WithinDuration(t, c.Now(), first, time.Millisecond)
		c.Advance(59 * time.Second)
		as(t, s, secret)
		require.Equal(t, first, used(), "noted at most once a minute")
		c.Advance(time.Second)
		as(t, s, secret)
		require.WithinDuration(t, c.Now(), used(), time.Millisecond)

		c.Advance(time.Hour)
		requireRefused(t, s, "Bearer "+secret)
		requireCode(t, s.Revalidate(keyed), problem.Unauthenticated, "")
	})
}

func TestRevokeAPIKey(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := start(t, db, newClock())
		alice := as(t, s, signUp(t, s, "alice@example.com").AccessToken)
		bob := as(t, s, signUp(t, s, "bob@example.com").AccessToken)
		key, secret, err := s.CreateAPIKey(alice, "laptop", nil, "")
		require.NoError(t, err)

		_, err = s.RevokeAPIKey(t.Context(), key.ID)
		requireCode(t, err, problem.Unauthenticated, "")
		for _, id := range []string{key.ID, "key_00000000000000000000000000", "", "\x00"} {
			_, err = s.RevokeAPIKey(bob, id)
			requireCode(t, err, problem.NotFound, "id")
		}
		keyed := as(t, s, secret)

		revoked, err := s.RevokeAPIKey(alice, key.ID)
		require.NoError(t, err)
		require.NotNil(t, revoked.RevokedAt)
		requireRefused(t, s, "Bearer "+secret)
		requireCode(t, s.Revalidate(keyed), problem.Unauthenticated, "")
		again, err := s.RevokeAPIKey(alice, key.ID)
		require.NoError(t, err)
		require.Equal(t, revoked.RevokedAt, again.RevokedAt)
	})
}

func TestCreateAPIKeyChecksItsInput(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := start(t, storetest.SQLite(t), c)
	tokens := signUp(t, s, "alice@example.com")
	ctx := as(t, s, tokens.AccessToken)
	_, _, err := s.CreateAPIKey(t.Context(), "laptop", nil, "")
	requireCode(t, err, problem.Unauthenticated, "")
	agent := access.WithViewer(t.Context(), access.Viewer{UserID: tokens.User.ID, Agent: "engineer"})
	_, _, err = s.CreateAPIKey(agent, "laptop", nil, "")
	requireCode(t, err, problem.Forbidden, "")
	_, _, err = s.CreateAPIKey(ctx, " ", nil, "")
	requireCode(t, err, problem.BadInput, "name")
	_, _, err = s.CreateAPIKey(ctx, strings.Repeat("n", 121), nil, "")
	requireCode(t, err, problem.BadInput, "name")
	past := c.Now().Add(-time.Second)
	_, _, err = s.CreateAPIKey(ctx, "laptop", &past, "")
	requireCode(t, err, problem.BadInput, "expiresAt")
}

func TestTwentyActiveKeys(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := start(t, db, newClock())
		ctx := as(t, s, signUp(t, s, "alice@example.com").AccessToken)
		results := make(chan error, 25)
		for i := range cap(results) {
			go func() {
				_, _, err := s.CreateAPIKey(ctx, fmt.Sprintf("key %d", i), nil, "")
				results <- err
			}()
		}
		made := 0
		for range cap(results) {
			if err := <-results; err == nil {
				made++
			} else {
				requireCode(t, err, problem.PreconditionFailed, "")
			}
		}
		require.Equal(t, 20, made)

		key, err := db.Ent.ApiKey.Query().First(ctx)
		require.NoError(t, err)
		_, err = s.RevokeAPIKey(ctx, key.ID)
		require.NoError(t, err)
		_, _, err = s.CreateAPIKey(ctx, "one more", nil, "")
		require.NoError(t, err)
	})
}

func TestMalformedAPIKeysNeedNoDatabase(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	s := start(t, db, newClock())
	unknown := identity.NewAPIKey()
	requireRefused(t, s, "Bearer "+unknown)
	require.NoError(t, db.Close())
	last := unknown[len(unknown)-1:]
	for _, key := range []string{
		"zbl_", unknown + "0", unknown[:len(unknown)-1], strings.Replace(unknown, "zbl_", "zbl_0", 1)[:len(unknown)],
		unknown[:len(unknown)-1] + map[bool]string{true: "1", false: "0"}[last == "0"],
	} {
		requireRefused(t, s, "Bearer "+key)
	}
	_, err := s.Authenticate(t.Context(), "Bearer "+unknown)
	require.Error(t, err)
	require.Nil(t, problem.As(err), "a well-formed one asks the database")
}

func TestTheSameKeyMakesOneAPIKey(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := start(t, db, newClock())
		ctx := as(t, s, signUp(t, s, "alice@example.com").AccessToken)
		first, secret, err := s.CreateAPIKey(ctx, "laptop", nil, "k")
		require.NoError(t, err)
		require.NotEmpty(t, secret)
		again, secret, err := s.CreateAPIKey(ctx, "laptop", nil, "k")
		require.NoError(t, err)
		require.Equal(t, first.ID, again.ID)
		require.Empty(t, secret)
		_, _, err = s.CreateAPIKey(ctx, "phone", nil, "k")
		require.True(t, problem.Is(err, problem.Conflict), "%v", err)
	})
}
