package identity

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/refreshtoken"
	"github.com/zeblit/zeblit/ent/session"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
)

const (
	refreshPrefix = "zrt_"
	refreshBytes  = 32
	// sessionLifetime is how long a session lives after its last refresh.
	sessionLifetime = 30 * 24 * time.Hour
)

// Refresh spends a refresh token for new tokens of the same session. Of calls at
// once with one token exactly one succeeds. A token that was spent before ends
// the session: someone else has a copy.
func (s *Service) Refresh(ctx context.Context, refreshToken string) (*Tokens, error) {
	if !wellFormedRefresh(refreshToken) {
		return nil, sessionOver()
	}
	keys, err := s.signingKeys(ctx)
	if err != nil {
		return nil, err
	}
	hash := sha256.Sum256([]byte(refreshToken))
	t, err := inTx(access.As(ctx, access.Auth), s.db, func(ctx context.Context, tx *store.Tx) (*Tokens, error) {
		spent, err := tx.Ent.RefreshToken.Query().Where(refreshtoken.Hash(hash[:])).WithSession(
			func(q *ent.SessionQuery) { q.WithUser() }).Only(ctx)
		if ent.IsNotFound(err) {
			return nil, sessionOver()
		}
		if err != nil {
			return nil, err
		}
		return s.rotate(ctx, tx, keys, spent)
	})
	if err != nil {
		return nil, doing(err, "refresh a session")
	}
	if t == nil {
		// The revocation is committed; only now may the call fail.
		s.logger.WarnContext(ctx, "a spent refresh token was used again: its session is revoked")
		return nil, sessionOver()
	}
	return t, nil
}

// rotate marks a token used and opens the next. When the token was used before
// it revokes the session and returns nothing, without an error, so that the
// transaction commits.
func (s *Service) rotate(ctx context.Context, tx *store.Tx, keys *keyring, spent *ent.RefreshToken) (*Tokens, error) {
	now := s.now()
	n, err := tx.Ent.RefreshToken.Update().
		Where(refreshtoken.ID(spent.ID), refreshtoken.UsedAtIsNil()).SetUsedAt(now).Save(ctx)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, revokeSession(ctx, tx.Ent, spent.SessionID, now)
	}
	expires := now.Add(sessionLifetime)
	n, err = tx.Ent.Session.Update().
		Where(session.ID(spent.SessionID), session.RevokedAtIsNil(), session.ExpiresAtGT(now)).
		SetExpiresAt(expires).Save(ctx)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, sessionOver()
	}
	// A token spent so long ago is known by nobody who could still use the session.
	_, err = tx.Ent.RefreshToken.Delete().
		Where(refreshtoken.SessionID(spent.SessionID), refreshtoken.UsedAtLT(now.Add(-sessionLifetime))).Exec(ctx)
	if err != nil {
		return nil, err
	}
	return s.issue(ctx, tx, keys, spent.Edges.Session.Edges.User, spent.SessionID, now)
}

// SignOut revokes the viewer's session: its access token and its refresh tokens
// stop working at once. FORBIDDEN for an API key, which has none.
func (s *Service) SignOut(ctx context.Context) error {
	v, err := access.RequireViewer(ctx)
	if err != nil {
		return err
	}
	if v.SessionID == "" {
		return problem.New(problem.Forbidden, "only a signed-in session can sign out; an API key is revoked instead")
	}
	err = revokeSession(access.As(ctx, access.Auth), s.db.Ent, v.SessionID, s.now())
	return doing(err, "sign out")
}

func revokeSession(ctx context.Context, c *ent.Client, id string, now time.Time) error {
	return c.Session.Update().Where(session.ID(id), session.RevokedAtIsNil()).SetRevokedAt(now).Exec(ctx)
}

// openSession starts a session of u.
func (s *Service) openSession(ctx context.Context, tx *store.Tx, keys *keyring, u *ent.User) (*Tokens, error) {
	now := s.now()
	opened, err := tx.Ent.Session.Create().SetUserID(u.ID).SetExpiresAt(now.Add(sessionLifetime)).Save(ctx)
	if err != nil {
		return nil, err
	}
	return s.issue(ctx, tx, keys, u, opened.ID, now)
}

// issue makes the next tokens of a session. The caller fetched keys before the
// transaction: fetching them within it would take a second connection.
func (s *Service) issue(ctx context.Context, tx *store.Tx, keys *keyring, u *ent.User, sessionID string, now time.Time) (*Tokens, error) {
	refresh := refreshPrefix + base64.RawURLEncoding.EncodeToString(randomBytes(refreshBytes))
	hash := sha256.Sum256([]byte(refresh))
	if err := tx.Ent.RefreshToken.Create().SetSessionID(sessionID).SetHash(hash[:]).Exec(ctx); err != nil {
		return nil, err
	}
	token, expires, err := s.sign(keys, u.ID, sessionID, now)
	if err != nil {
		return nil, fmt.Errorf("sign an access token: %w", err)
	}
	return &Tokens{AccessToken: token, RefreshToken: refresh, ExpiresAt: expires, User: u}, nil
}

func wellFormedRefresh(token string) bool {
	body, ok := strings.CutPrefix(token, refreshPrefix)
	if !ok || len(body) != base64.RawURLEncoding.EncodedLen(refreshBytes) {
		return false
	}
	_, err := base64.RawURLEncoding.Strict().DecodeString(body)
	return err == nil
}

func sessionOver() error {
	return problem.New(problem.Unauthenticated, "the session is over: sign in again")
}
