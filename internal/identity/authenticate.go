package identity

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/apikey"
	"github.com/zeblit/zeblit/ent/predicate"
	"github.com/zeblit/zeblit/ent/session"
	"github.com/zeblit/zeblit/ent/user"
	"github.com/zeblit/zeblit/internal/access"
)

// Authenticate puts the viewer whom an Authorization header names into the
// context. An empty header leaves ctx as it is; anything that isn't "Bearer" with
// a good access token or API key is UNAUTHENTICATED.
func (s *Service) Authenticate(ctx context.Context, authorization string) (context.Context, error) {
	if authorization == "" {
		return ctx, nil
	}
	scheme, credential, _ := strings.Cut(authorization, " ")
	credential = strings.TrimSpace(credential)
	if !strings.EqualFold(scheme, "bearer") || credential == "" {
		return nil, refused()
	}
	check := s.byToken
	if strings.HasPrefix(credential, keyPrefix) {
		check = s.byKey
	}
	viewer, err := check(access.As(ctx, access.Auth), credential)
	if err != nil {
		return nil, doing(err, "authenticate")
	}
	return access.WithViewer(ctx, *viewer), nil
}

// Revalidate asks whether the credential that the viewer came with is still good,
// for connections that outlive a request: UNAUTHENTICATED when it has expired,
// was revoked or its account is gone. Any other error says that nobody knows.
func (s *Service) Revalidate(ctx context.Context) error {
	v, err := access.RequireViewer(ctx)
	if err != nil {
		return err
	}
	now := s.now()
	if !v.ExpiresAt.IsZero() && !v.ExpiresAt.After(now) {
		return refused()
	}
	ctx = access.As(ctx, access.Auth)
	var good bool
	switch {
	case v.SessionID != "":
		good, err = s.db.Ent.Session.Query().Where(liveSession(v.SessionID, v.UserID, now)).Exist(ctx)
	case v.KeyID != "":
		good, err = s.db.Ent.ApiKey.Query().
			Where(apikey.ID(v.KeyID), apikey.UserID(v.UserID), activeKey(now)).Exist(ctx)
	default:
		good, err = s.db.Ent.User.Query().Where(user.ID(v.UserID)).Exist(ctx)
	}
	if err != nil {
		return fmt.Errorf("revalidate a credential: %w", err)
	}
	if !good {
		return refused()
	}
	return nil
}

func (s *Service) byToken(ctx context.Context, token string) (*access.Viewer, error) {
	c, err := s.verify(ctx, token)
	if err != nil {
		return nil, err
	}
	live, err := s.db.Ent.Session.Query().Where(liveSession(c.SessionID, c.Subject, s.now())).Exist(ctx)
	if err != nil {
		return nil, err
	}
	if !live {
		return nil, refused()
	}
	return &access.Viewer{UserID: c.Subject, SessionID: c.SessionID, ExpiresAt: c.ExpiresAt.UTC()}, nil
}

func (s *Service) byKey(ctx context.Context, secret string) (*access.Viewer, error) {
	if !wellFormedKey(secret) {
		return nil, refused()
	}
	now := s.now()
	hash := sha256.Sum256([]byte(secret))
	key, err := s.db.Ent.ApiKey.Query().Where(apikey.Hash(hash[:]), activeKey(now)).Only(ctx)
	if ent.IsNotFound(err) {
		return nil, refused()
	}
	if err != nil {
		return nil, err
	}
	s.markUsed(ctx, key, now)
	v := &access.Viewer{UserID: key.UserID, KeyID: key.ID}
	if key.ExpiresAt != nil {
		v.ExpiresAt = key.ExpiresAt.UTC()
	}
	return v, nil
}

// markUsed notes that a key was used, at most once a minute over all nodes. That
// it fails is no reason to refuse the key.
func (s *Service) markUsed(ctx context.Context, key *ent.ApiKey, now time.Time) {
	before := now.Add(-keyUsedEvery)
	if key.LastUsedAt != nil && key.LastUsedAt.After(before) {
		return
	}
	err := s.db.Ent.ApiKey.Update().
		Where(apikey.ID(key.ID), apikey.Or(apikey.LastUsedAtIsNil(), apikey.LastUsedAtLTE(before))).
		SetLastUsedAt(now).Exec(ctx)
	if err != nil {
		s.logger.WarnContext(ctx, "could not note the use of an API key", "key", key.ID, "error", err)
	}
}

func liveSession(id, userID string, now time.Time) predicate.Session {
	return session.And(session.ID(id), session.UserID(userID), session.RevokedAtIsNil(), session.ExpiresAtGT(now))
}
