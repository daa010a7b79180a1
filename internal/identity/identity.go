// Package identity keeps accounts and tells who is asking: it signs people up
// and in, hands out and checks access tokens and API keys, and puts the viewer
// into the context, from which internal/access decides what they may do.
//
// What it promises:
//   - A password, a refresh token or an API key is never stored, only its hash;
//     each secret leaves this package once, in the answer that made it.
//   - A credential that isn't good is refused with one and the same
//     UNAUTHENTICATED, whatever is wrong with it. A database that doesn't answer
//     is another error, so nobody is signed out by it.
//   - Revoking a session or a key holds from the next request on, on every node:
//     each request asks the database.
//   - A refresh token works once. One that is used again was stolen, or its
//     successor was: the whole session ends.
package identity

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
)

// Options set a Service up.
type Options struct {
	// Issuer is the `iss` of access tokens, the same on every node. "zeblit" when empty.
	Issuer string
	// Secret wraps the signing keys in the database. They are stored as they are
	// when it is empty: whoever reads the database can then sign tokens.
	Secret string
	// SignUpOpen lets anyone make an account.
	SignUpOpen bool
	// Clock is the time by which credentials expire; time.Now when nil.
	Clock func() time.Time
	// Logger may be nil: nothing is logged then.
	Logger *slog.Logger
	// Limit is asked before each attempt that must not be made too often, and
	// before it costs anything: an error refuses the attempt. The names and their
	// keys are "sign-in" with the e-mail address in lower case, "sign-up" and
	// "device-code" with none, "device-lookup" with the user's id. Nil: no limit.
	Limit func(ctx context.Context, name, key string) error

	cost cost // of hashing a password; hashCost when zero
}

// Tokens is what a sign-in gives.
type Tokens struct {
	// AccessToken is good until ExpiresAt, 15 minutes from now.
	AccessToken string
	// RefreshToken gets new tokens once, within 30 days.
	RefreshToken string
	ExpiresAt    time.Time
	User         *ent.User
}

// Service is safe for concurrent use.
type Service struct {
	db         *store.DB
	issuer     string
	secret     string
	signUpOpen bool
	clock      func() time.Time
	logger     *slog.Logger
	limit      func(ctx context.Context, name, key string) error
	hasher     *hasher
	parser     *jwt.Parser

	keys atomic.Pointer[keyring]
	// loading lets one goroutine at a time read the signing keys.
	loading sync.Mutex
	// sought is when an unknown kid last made the keys be read again. Held under loading.
	sought time.Time
}

// New makes the service. Start must be called before anyone can sign in.
func New(db *store.DB, o Options) *Service {
	if o.Issuer == "" {
		o.Issuer = "zeblit"
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.cost == (cost{}) {
		o.cost = hashCost
	}
	s := &Service{
		db: db, issuer: o.Issuer, secret: o.Secret, signUpOpen: o.SignUpOpen,
		clock: o.Clock, logger: o.Logger, limit: o.Limit, hasher: newHasher(o.cost),
	}
	s.parser = s.newParser()
	return s
}

func (s *Service) allow(ctx context.Context, name, key string) error {
	if s.limit == nil {
		return nil
	}
	return s.limit(ctx, name, key)
}

// now has the precision that both databases keep.
func (s *Service) now() time.Time { return s.clock().UTC().Truncate(time.Microsecond) }

// inTx is the database's InTx for a function that has a result. What fn returned
// with an error is lost.
func inTx[T any](ctx context.Context, db *store.DB, fn func(context.Context, *store.Tx) (T, error)) (T, error) {
	var out, none T
	err := db.InTx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		out, err = fn(ctx, tx)
		return err
	})
	if err != nil {
		return none, err
	}
	return out, nil
}

// errNotStarted is a mistake in the program that uses the package.
var errNotStarted = errors.New("identity: no signing key is loaded: call Start first")

// refused is the one answer to every access token or API key that isn't good.
func refused() error {
	return problem.New(problem.Unauthenticated, "the access token or API key is not valid, has expired or was revoked")
}

// doing says what failed inside; what is meant for the client stays as it is.
func doing(err error, format string, args ...any) error {
	if err == nil || problem.As(err) != nil {
		return err
	}
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), err)
}
