package identity_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/signingkey"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/identity"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/relay"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

func signingKey(t *testing.T, db *store.DB) *ent.SigningKey {
	t.Helper()
	key, err := db.Ent.SigningKey.Query().Where(signingkey.RetiredAtIsNil()).Only(storetest.Unchecked(t.Context()))
	require.NoError(t, err)
	return key
}

func TestAuthorizationHeader(t *testing.T) {
	t.Parallel()
	s := start(t, storetest.SQLite(t), newClock())
	tokens := signUp(t, s, "alice@example.com")
	for _, scheme := range []string{"Bearer ", "bearer ", "BEARER  "} {
		ctx, err := s.Authenticate(t.Context(), scheme+tokens.AccessToken)
		require.NoError(t, err)
		require.Equal(t, tokens.User.ID, access.ViewerFrom(ctx).UserID)
	}
	ctx, err := s.Authenticate(t.Context(), "")
	require.NoError(t, err)
	require.Equal(t, t.Context(), ctx)
	requireCode(t, s.Revalidate(ctx), problem.Unauthenticated, "")
	for _, header := range []string{
		" ", "Bearer", "Bearer ", tokens.AccessToken, "Basic YTpi", "Bearer x", "Bearer a.b.c", "Bearer \x00",
		"Bearer " + tokens.AccessToken + " x", "Bearer " + tokens.RefreshToken, "Bearer " + strings.Repeat("a", 1<<20),
	} {
		requireRefused(t, s, header)
	}
}

func TestForgedTokensAreRefused(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := newClock()
		s := start(t, db, c)
		tokens := signUp(t, s, "alice@example.com")
		viewer := access.ViewerFrom(as(t, s, tokens.AccessToken))
		bob := access.ViewerFrom(as(t, s, signUp(t, s, "bob@example.com").AccessToken))
		key := signingKey(t, db)
		private := ed25519.NewKeyFromSeed(key.PrivateKey)
		_, stranger, err := ed25519.GenerateKey(nil)
		require.NoError(t, err)

		good := jwt.MapClaims{
			"iss": issuer, "aud": "zeblit", "sub": viewer.UserID, "sid": viewer.SessionID,
			"iat": c.Now().Unix(), "exp": c.Now().Add(time.Minute).Unix(), "jti": "x",
		}
		sign := func(method jwt.SigningMethod, with any, kid any, change func(jwt.MapClaims)) string {
			claims := maps.Clone(good)
			if change != nil {
				change(claims)
			}
			token := jwt.NewWithClaims(method, claims)
			if kid != nil {
				token.Header["kid"] = kid
			}
			signed, err := token.SignedString(with)
			require.NoError(t, err)
			return signed
		}
		set := func(claim string, value any) func(jwt.MapClaims) {
			return func(m jwt.MapClaims) { m[claim] = value }
		}
		unset := func(claim string) func(jwt.MapClaims) {
			return func(m jwt.MapClaims) { delete(m, claim) }
		}
		as(t, s, sign(jwt.SigningMethodEdDSA, private, key.ID, nil)) // all else differs in one point

		for name, token := range map[string]string{
			"alg none":           sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, key.ID, nil),
			"HS256 with our key": sign(jwt.SigningMethodHS256, []byte(key.PublicKey), key.ID, nil),
			"another key":        sign(jwt.SigningMethodEdDSA, stranger, key.ID, nil),
			"no kid":             sign(jwt.SigningMethodEdDSA, private, nil, nil),
			"kid no string":      sign(jwt.SigningMethodEdDSA, private, 1, nil),
			"unknown kid":        sign(jwt.SigningMethodEdDSA, stranger, relay.NewID("sgk"), nil),
			"odd kid":            sign(jwt.SigningMethodEdDSA, private, "' OR 1=1 --", nil),
			"wrong iss":          sign(jwt.SigningMethodEdDSA, private, key.ID, set("iss", "https://else.example")),
			"no iss":             sign(jwt.SigningMethodEdDSA, private, key.ID, unset("iss")),
			"wrong aud":          sign(jwt.SigningMethodEdDSA, private, key.ID, set("aud", "else")),
			"no aud":             sign(jwt.SigningMethodEdDSA, private, key.ID, unset("aud")),
			"expired":            sign(jwt.SigningMethodEdDSA, private, key.ID, set("exp", c.Now().Add(-time.Second).Unix())),
			"no exp":             sign(jwt.SigningMethodEdDSA, private, key.ID, unset("exp")),
			"no sub":             sign(jwt.SigningMethodEdDSA, private, key.ID, unset("sub")),
			"another's session":  sign(jwt.SigningMethodEdDSA, private, key.ID, set("sid", bob.SessionID)),
			"no session":         sign(jwt.SigningMethodEdDSA, private, key.ID, unset("sid")),
			"unknown session":    sign(jwt.SigningMethodEdDSA, private, key.ID, set("sid", "ses_none")),
		} {
			_, err := s.Authenticate(t.Context(), "Bearer "+token)
			require.Truef(t, problem.Is(err, problem.Unauthenticated), "%s: %v", name, err)
		}

		ctx := as(t, s, tokens.AccessToken)
		c.Advance(15*time.Minute + time.Second)
		requireRefused(t, s, "Bearer "+tokens.AccessToken)
		requireCode(t, s.Revalidate(ctx), problem.Unauthenticated, "")
	})
}

// A token that comes while the database is away is neither good nor bad.
func TestDatabaseFailureIsNoBadCredential(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := start(t, db, newClock())
		tokens := signUp(t, s, "alice@example.com")
		ctx := as(t, s, tokens.AccessToken)
		gone, cancel := context.WithCancel(ctx)
		cancel()
		_, err := s.Authenticate(gone, "Bearer "+tokens.AccessToken)
		require.ErrorIs(t, err, context.Canceled)
		require.Nil(t, problem.As(err))
		err = s.Revalidate(gone)
		require.ErrorIs(t, err, context.Canceled)
		require.Nil(t, problem.As(err))
	})
}

func TestRotationOnAnotherNode(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := newClock()
		one, two := start(t, db, c), start(t, db, c)
		old := signUp(t, one, "alice@example.com")
		as(t, two, old.AccessToken)
		before := signingKey(t, db)
		require.NoError(t, one.RotateSigningKey(t.Context()))
		after := signingKey(t, db)
		require.NotEqual(t, before.ID, after.ID)
		retired, err := db.Ent.SigningKey.Get(storetest.Unchecked(t.Context()), before.ID)
		require.NoError(t, err)
		require.NotNil(t, retired.RetiredAt)
		require.Empty(t, retired.PrivateKey)

		kid := func(s *identity.Service) string {
			tokens, err := s.SignIn(t.Context(), "alice@example.com", password)
			require.NoError(t, err)
			token, _, err := jwt.NewParser().ParseUnverified(tokens.AccessToken, jwt.MapClaims{})
			require.NoError(t, err)
			as(t, one, tokens.AccessToken)
			as(t, two, tokens.AccessToken)
			return token.Header["kid"].(string)
		}
		as(t, one, old.AccessToken) // a retired key verifies
		require.Equal(t, before.ID, kid(two), "the other node has not noticed")
		require.Equal(t, after.ID, kid(one)) // and its token makes the other one read the keys
		require.Equal(t, after.ID, kid(two))

		require.NoError(t, two.RotateSigningKey(t.Context()))
		c.Advance(6 * time.Minute)
		require.Equal(t, signingKey(t, db).ID, kid(one), "without a token a node notices in a while")
	})
}

func TestJWKS(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	s := identity.New(db, identity.Options{}.Cheap())
	require.JSONEq(t, `{"keys":[]}`, string(s.JWKS()))
	require.NoError(t, s.Start(t.Context()))
	key := signingKey(t, db)
	want, err := json.Marshal(map[string]any{"keys": []any{map[string]string{
		"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": key.ID,
		"x": base64.RawURLEncoding.EncodeToString(key.PublicKey),
	}}})
	require.NoError(t, err)
	require.JSONEq(t, string(want), string(s.JWKS()))
	require.NoError(t, s.RotateSigningKey(t.Context()))
	require.Equal(t, 2, strings.Count(string(s.JWKS()), `"OKP"`))
}

func TestSecretWrapsTheSigningKey(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		with := func(secret string) *identity.Service {
			return identity.New(db, identity.Options{Issuer: issuer, Secret: secret, SignUpOpen: true}.Cheap())
		}
		plain := with("")
		require.NoError(t, plain.Start(t.Context()))
		tokens := signUp(t, plain, "alice@example.com")
		seed := signingKey(t, db).PrivateKey
		require.False(t, signingKey(t, db).Wrapped)

		s := with("a secret")
		require.NoError(t, s.Start(t.Context()))
		as(t, s, tokens.AccessToken) // the same key
		require.True(t, signingKey(t, db).Wrapped, "a plain key is wrapped once there is a secret")
		require.NotContains(t, string(signingKey(t, db).PrivateKey), string(seed))

		require.NoError(t, s.RotateSigningKey(t.Context()))
		require.True(t, signingKey(t, db).Wrapped)
		require.NoError(t, with("a secret").Start(t.Context()))
		require.ErrorContains(t, with("another secret").Start(t.Context()), "ZEBLIT_SECRET is not the secret")
		require.ErrorContains(t, with("").Start(t.Context()), "set ZEBLIT_SECRET")
	})
}

func TestNodesThatStartAtOnceAcceptEachOther(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := newClock()
		nodes := make([]*identity.Service, 4)
		done := make(chan error, len(nodes))
		for i := range nodes {
			nodes[i] = identity.New(db, identity.Options{Issuer: issuer, SignUpOpen: true, Clock: c.Now}.Cheap())
			go func() { done <- nodes[i].Start(t.Context()) }()
		}
		for range nodes {
			require.NoError(t, <-done)
		}
		for i, s := range nodes {
			tokens := signUp(t, s, string(rune('a'+i))+"@example.com")
			for _, other := range nodes {
				c.Advance(time.Second) // an unknown kid makes it read the keys once in that time
				_, err := other.Authenticate(t.Context(), "Bearer "+tokens.AccessToken)
				require.NoError(t, err)
			}
		}
	})
}
