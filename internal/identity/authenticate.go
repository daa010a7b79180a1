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
	if !v.ExpiresAt.IsZero() && !v.ExpiresAt.After(s.now()) {
		return refused()
	}
	good, err := s.Good(ctx, []access.Viewer{*v})
	if err == nil && !good[0] {
		err = refused()
	}
	return err
}

// Good says of each viewer whether the credential that they came with has not been
// revoked and its account is still there, with few queries for many of them. That an
// access token has an end of its own is left to the caller: see ExpiresAt.
func (s *Service) Good(ctx context.Context, all []access.Viewer) ([]bool, error) {
	ctx = access.As(ctx, access.Auth)
	now := s.now()
	good := make([]bool, len(all))
	for i := 0; i < len(all); i += credentialsAtOnce {
		chunk := all[i:min(i+credentialsAtOnce, len(all))]
		found, err := s.findGood(ctx, chunk, now)
		if err != nil {
			return nil, fmt.Errorf("revalidate %d credentials: %w", len(chunk), err)
		}
		for at, v := range chunk {
			good[i+at] = found[credentialOf(v)]
		}
	}
	return good, nil
}

// credentialsAtOnce is how many are asked about in one query.
const credentialsAtOnce = 500

// credential is a session, an API key, or, where an agent works, the account itself,
// and whose it is.
type credential struct{ id, userID string }

func credentialOf(v access.Viewer) credential {
	switch {
	case v.SessionID != "":
		return credential{v.SessionID, v.UserID}
	case v.KeyID != "":
		return credential{v.KeyID, v.UserID}
	}
	return credential{v.UserID, v.UserID}
}

func (s *Service) findGood(ctx context.Context, all []access.Viewer, now time.Time) (map[credential]bool, error) {
	var sessions, keys, users []string
	for _, v := range all {
		switch {
		case v.SessionID != "":
			sessions = append(sessions, v.SessionID)
		case v.KeyID != "":
			keys = append(keys, v.KeyID)
		default:
			users = append(users, v.UserID)
		}
	}
	found := make(map[credential]bool, len(all))
	if len(sessions) > 0 {
		live, err := s.db.Ent.Session.Query().Where(session.IDIn(sessions...), liveSession(now)).
			Select(session.FieldID, session.FieldUserID).All(ctx)
		if err != nil {
			return nil, err
		}
		for _, one := range live {
			found[credential{one.ID, one.UserID}] = true
		}
	}
	if len(keys) > 0 {
		active, err := s.db.Ent.ApiKey.Query().Where(apikey.IDIn(keys...), activeKey(now)).
			Select(apikey.FieldID, apikey.FieldUserID).All(ctx)
		if err != nil {
			return nil, err
		}
		for _, one := range active {
			found[credential{one.ID, one.UserID}] = true
		}
	}
	if len(users) > 0 {
		there, err := s.db.Ent.User.Query().Where(user.IDIn(users...)).IDs(ctx)
		if err != nil {
			return nil, err
		}
		for _, id := range there {
			found[credential{id, id}] = true
		}
	}
	return found, nil
}

func (s *Service) byToken(ctx context.Context, token string) (*access.Viewer, error) {
	c, err := s.verify(ctx, token)
	if err != nil {
		return nil, err
	}
	live, err := s.db.Ent.Session.Query().
		Where(session.ID(c.SessionID), session.UserID(c.Subject), liveSession(s.now())).Exist(ctx)
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

func liveSession(now time.Time) predicate.Session {
	return session.And(session.RevokedAtIsNil(), session.ExpiresAtGT(now))
}
