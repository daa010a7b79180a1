package identity_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/orgmembership"
	"github.com/zeblit/zeblit/ent/session"
	"github.com/zeblit/zeblit/ent/user"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/identity"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	issuer   = "https://zeblit.example"
	password = "correct horse"
)

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Now()} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// start returns a started service with open sign-up and cheap hashes.
func start(t *testing.T, db *store.DB, c *clock) *identity.Service {
	t.Helper()
	s := identity.New(db, identity.Options{Issuer: issuer, SignUpOpen: true, Clock: c.Now}.Cheap())
	require.NoError(t, s.Start(t.Context()))
	return s
}

func signUp(t *testing.T, s *identity.Service, email string) *identity.Tokens {
	t.Helper()
	tokens, err := s.SignUp(t.Context(), email, password, "Alice")
	require.NoError(t, err)
	return tokens
}

// as returns a context in which the bearer of credential is the viewer.
func as(t *testing.T, s *identity.Service, credential string) context.Context {
	t.Helper()
	ctx, err := s.Authenticate(t.Context(), "Bearer "+credential)
	require.NoError(t, err)
	require.NotNil(t, access.ViewerFrom(ctx))
	return ctx
}

func requireCode(t *testing.T, err error, code problem.Code, field string) {
	t.Helper()
	require.Error(t, err)
	p := problem.As(err)
	require.NotNil(t, p, "an internal error: %v", err)
	require.Equal(t, code, p.Code, p.Message)
	require.Equal(t, field, p.Field)
}

func requireRefused(t *testing.T, s *identity.Service, authorization string) {
	t.Helper()
	ctx, err := s.Authenticate(t.Context(), authorization)
	requireCode(t, err, problem.Unauthenticated, "")
	require.Nil(t, ctx)
}

func TestSignUpMakesAnAccountWithItsOrganisation(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := newClock()
		s := start(t, db, c)
		tokens, err := s.SignUp(t.Context(), " Alice@Example.COM ", password, "  Alice  ")
		require.NoError(t, err)
		require.Equal(t, "alice@example.com", tokens.User.Email)
		require.Equal(t, "Alice", tokens.User.Name)
		require.False(t, tokens.User.Admin)
		require.WithinDuration(t, c.Now().Add(15*time.Minute), tokens.ExpiresAt, time.Second)
		require.Regexp(t, `^zrt_[A-Za-z0-9_-]{43}$`, tokens.RefreshToken)

		all := storetest.Unchecked(t.Context())
		m, err := db.Ent.OrgMembership.Query().Where(orgmembership.UserID(tokens.User.ID)).WithOrganisation().Only(all)
		require.NoError(t, err)
		require.Equal(t, enum.OrganisationOwner, m.Role)
		require.True(t, m.Edges.Organisation.Personal)
		u, err := db.Ent.User.Get(all, tokens.User.ID)
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(u.PasswordHash, "$argon2id$v=19$"), u.PasswordHash)

		viewer := access.ViewerFrom(as(t, s, tokens.AccessToken))
		require.Equal(t, tokens.User.ID, viewer.UserID)
		require.NotEmpty(t, viewer.SessionID)
		require.Equal(t, tokens.ExpiresAt, viewer.ExpiresAt)

		_, err = s.SignUp(t.Context(), "ALICE@example.com", password, "Mallory")
		requireCode(t, err, problem.Conflict, "email")
		n, err := db.Ent.Organisation.Query().Count(all)
		require.NoError(t, err)
		require.Equal(t, 1, n)
	})
}

func TestSignUpChecksItsInput(t *testing.T) {
	t.Parallel()
	s := start(t, storetest.SQLite(t), newClock())
	for _, test := range []struct{ email, password, name, field string }{
		{"", password, "A", "email"},
		{"alice", password, "A", "email"},
		{"Alice <alice@example.com>", password, "A", "email"},
		{"<alice@example.com>", password, "A", "email"},
		{"alice@example.com (home)", password, "A", "email"},
		{"alice@example.com, bob@example.com", password, "A", "email"},
		{"a\x00@example.com", password, "A", "email"},
		{strings.Repeat("a", 243) + "@example.com", password, "A", "email"},
		{"alice@example.com", "1234567", "A", "password"},
		{"alice@example.com", strings.Repeat("ü", 257), "A", "password"},
		{"alice@example.com", "12345678\xff", "A", "password"},
		{"alice@example.com", password, " \t ", "name"},
		{"alice@example.com", password, strings.Repeat("n", 121), "name"},
		{"alice@example.com", password, "two\nlines", "name"},
		{"alice@example.com", password, "nul\x00", "name"},
	} {
		_, err := s.SignUp(t.Context(), test.email, test.password, test.name)
		requireCode(t, err, problem.BadInput, test.field)
	}
	_, err := s.SignUp(t.Context(), strings.Repeat("a", 242)+"@example.com", strings.Repeat("ü", 256), strings.Repeat("ü", 120))
	require.NoError(t, err)
}

func TestSignUpClosed(t *testing.T) {
	t.Parallel()
	s := identity.New(storetest.SQLite(t), identity.Options{}.Cheap())
	require.NoError(t, s.Start(t.Context()))
	_, err := s.SignUp(t.Context(), "alice@example.com", password, "Alice")
	requireCode(t, err, problem.Forbidden, "")
}

func TestSignInTellsNothingApart(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := start(t, db, newClock())
		signUp(t, s, "alice@example.com")
		storetest.User(t, db, "nopassword@example.com")

		tokens, err := s.SignIn(t.Context(), "Alice@example.com", password)
		require.NoError(t, err)
		as(t, s, tokens.AccessToken)

		_, wrong := s.SignIn(t.Context(), "alice@example.com", "wrong password")
		requireCode(t, wrong, problem.Unauthenticated, "")
		for _, email := range []string{"nobody@example.com", "nopassword@example.com", "no address", "a\x00@example.com", ""} {
			_, err := s.SignIn(t.Context(), email, password)
			require.Equal(t, wrong, err)
		}
	})
}

// The hash outweighs everything else, so an unknown address costs the same one as a known.
func TestSignInTakesTheSameTimeForAnUnknownAddress(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	s := identity.New(db, identity.Options{SignUpOpen: true})
	require.NoError(t, s.Start(t.Context()))
	var hashes []identity.Hash
	s.Watch(func(h identity.Hash) { hashes = append(hashes, h) })
	signUp(t, s, "alice@example.com")
	storetest.User(t, db, "nopassword@example.com")
	require.Len(t, hashes, 1)
	real := hashes[0]
	require.Equal(t, identity.Hash{Memory: 19 * 1024, Time: 2, Threads: 1, Length: 32}, real)
	for _, email := range []string{"alice@example.com", "nobody@example.com", "nopassword@example.com", "no address", ""} {
		hashes = nil
		_, err := s.SignIn(t.Context(), email, "wrong password")
		requireCode(t, err, problem.Unauthenticated, "")
		require.Equal(t, []identity.Hash{real}, hashes, email)
	}
}

func TestOwnerIsMadeOnceOnAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := start(t, db, newClock())
		owners := make(chan *identity.Owner, 4)
		var nodes sync.WaitGroup
		for range cap(owners) {
			nodes.Go(func() {
				owner, err := s.EnsureOwner(t.Context())
				if err != nil {
					t.Error(err)
				}
				owners <- owner
			})
		}
		nodes.Wait()
		var owner *identity.Owner
		for range cap(owners) {
			if made := <-owners; made != nil {
				require.Nil(t, owner, "made twice")
				owner = made
			}
		}
		require.NotNil(t, owner)
		require.Equal(t, "owner@localhost", owner.Email)

		tokens, err := s.SignIn(t.Context(), owner.Email, owner.Password)
		require.NoError(t, err)
		require.True(t, tokens.User.Admin)
		require.Equal(t, "Owner", tokens.User.Name)
		require.Equal(t, tokens.User.ID, access.ViewerFrom(as(t, s, owner.APIKey)).UserID)
		n, err := db.Ent.OrgMembership.Query().Where(orgmembership.UserID(tokens.User.ID)).Count(storetest.Unchecked(t.Context()))
		require.NoError(t, err)
		require.Equal(t, 1, n)

		again, err := s.EnsureOwner(t.Context())
		require.NoError(t, err)
		require.Nil(t, again)
	})
}

func TestNoOwnerBesideOtherAccounts(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	storetest.User(t, db, "alice@example.com")
	owner, err := start(t, db, newClock()).EnsureOwner(t.Context())
	require.NoError(t, err)
	require.Nil(t, owner)
}

func TestRefreshRotates(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := newClock()
		s := start(t, db, c)
		first := signUp(t, s, "alice@example.com")
		c.Advance(20 * 24 * time.Hour)
		second, err := s.Refresh(t.Context(), first.RefreshToken)
		require.NoError(t, err)
		require.NotEqual(t, first.RefreshToken, second.RefreshToken)
		require.Equal(t, first.User.ID, second.User.ID)
		requireRefused(t, s, "Bearer "+first.AccessToken) // expired long ago
		as(t, s, second.AccessToken)

		c.Advance(20 * 24 * time.Hour)
		third, err := s.Refresh(t.Context(), second.RefreshToken)
		require.NoError(t, err, "a session lives on from its last refresh")
		c.Advance(31 * 24 * time.Hour)
		_, err = s.Refresh(t.Context(), third.RefreshToken)
		requireCode(t, err, problem.Unauthenticated, "")
	})
}

func TestReuseOfASpentRefreshTokenEndsTheSession(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := start(t, db, newClock())
		first := signUp(t, s, "alice@example.com")
		other, err := s.SignIn(t.Context(), "alice@example.com", password)
		require.NoError(t, err)
		second, err := s.Refresh(t.Context(), first.RefreshToken)
		require.NoError(t, err)
		ctx := as(t, s, second.AccessToken)

		_, err = s.Refresh(t.Context(), first.RefreshToken)
		requireCode(t, err, problem.Unauthenticated, "")
		_, err = s.Refresh(t.Context(), second.RefreshToken)
		requireCode(t, err, problem.Unauthenticated, "")
		requireRefused(t, s, "Bearer "+first.AccessToken)
		requireRefused(t, s, "Bearer "+second.AccessToken)
		requireCode(t, s.Revalidate(ctx), problem.Unauthenticated, "")

		as(t, s, other.AccessToken)
		_, err = s.Refresh(t.Context(), other.RefreshToken)
		require.NoError(t, err, "another session is another family")
	})
}

func TestOfConcurrentRefreshesExactlyOneWins(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := start(t, db, newClock())
		tokens := signUp(t, s, "alice@example.com")
		results := make(chan error, 8)
		for range cap(results) {
			go func() {
				_, err := s.Refresh(t.Context(), tokens.RefreshToken)
				results <- err
			}()
		}
		won := 0
		for range cap(results) {
			if err := <-results; err == nil {
				won++
			} else {
				requireCode(t, err, problem.Unauthenticated, "")
			}
		}
		require.Equal(t, 1, won)
		live, err := db.Ent.Session.Query().Where(session.RevokedAtIsNil()).Count(storetest.Unchecked(t.Context()))
		require.NoError(t, err)
		require.Zero(t, live)
	})
}

func TestRefreshRefusesWhatIsNoToken(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := start(t, db, newClock())
		for _, token := range []string{"", "zrt_", "zrt_\x00", "zrt_" + strings.Repeat("A", 43), "xrt_" + strings.Repeat("A", 43)} {
			_, err := s.Refresh(t.Context(), token)
			requireCode(t, err, problem.Unauthenticated, "")
		}
	})
}

func TestSignOutEndsTheSessionAtOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := start(t, db, newClock())
		elsewhere := start(t, db, newClock()) // another node
		requireCode(t, s.SignOut(t.Context()), problem.Unauthenticated, "")
		tokens := signUp(t, s, "alice@example.com")
		ctx := as(t, s, tokens.AccessToken)
		require.NoError(t, s.Revalidate(ctx))
		require.NoError(t, s.SignOut(ctx))
		requireRefused(t, s, "Bearer "+tokens.AccessToken)
		requireRefused(t, elsewhere, "Bearer "+tokens.AccessToken)
		requireCode(t, s.Revalidate(ctx), problem.Unauthenticated, "")
		_, err := s.Refresh(t.Context(), tokens.RefreshToken)
		requireCode(t, err, problem.Unauthenticated, "")
	})
}

func TestAGoneAccountHasNoCredentials(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := start(t, db, newClock())
		tokens := signUp(t, s, "alice@example.com")
		ctx := as(t, s, tokens.AccessToken)
		agent := access.WithViewer(t.Context(), access.Viewer{UserID: tokens.User.ID, Agent: "engineer"})
		require.NoError(t, s.Revalidate(agent))
		_, err := db.Ent.User.Delete().Where(user.ID(tokens.User.ID)).Exec(storetest.Unchecked(t.Context()))
		require.NoError(t, err)
		requireRefused(t, s, "Bearer "+tokens.AccessToken)
		requireCode(t, s.Revalidate(ctx), problem.Unauthenticated, "")
		requireCode(t, s.Revalidate(agent), problem.Unauthenticated, "")
	})
}
