package identity

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
)

// linkAudience keeps links and access tokens apart: neither passes for the other.
const linkAudience = "zeblit-link"

// linkClaims is what a link says: who has made it, with which credential, and what for.
type linkClaims struct {
	jwt.RegisteredClaims
	SessionID string          `json:"sid,omitempty"`
	KeyID     string          `json:"key,omitempty"`
	Agent     string          `json:"agt,omitempty"`
	For       json.RawMessage `json:"for"`
}

// SignLink makes a token that gives whoever has it the viewer's rights to one thing,
// until it ends. What that is, what says; OpenLink returns it. Every node opens it.
func (s *Service) SignLink(ctx context.Context, what any, lifetime time.Duration) (token string, expires time.Time, err error) {
	viewer, err := access.RequireViewer(ctx)
	if err != nil {
		return "", time.Time{}, err
	}
	keys, err := s.signingKeys(ctx)
	if err != nil {
		return "", time.Time{}, err
	}
	text, err := json.Marshal(what)
	if err != nil {
		return "", time.Time{}, err
	}
	now := s.now()
	expires = now.Add(lifetime).Truncate(time.Second)
	t := jwt.NewWithClaims(jwt.SigningMethodEdDSA, linkClaims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: s.issuer, Audience: jwt.ClaimStrings{linkAudience}, Subject: viewer.UserID,
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(expires), ID: rand.Text(),
		},
		SessionID: viewer.SessionID, KeyID: viewer.KeyID, Agent: viewer.Agent, For: text,
	})
	t.Header["kid"] = keys.signer
	token, err = t.SignedString(keys.private)
	return token, expires, err
}

// OpenLink reads what a token of SignLink is for into what, and returns a context with
// the rights that its maker has now, and the token's own id. One that has ended, or whose
// maker's credential was revoked, is UNAUTHENTICATED.
func (s *Service) OpenLink(ctx context.Context, token string, what any) (_ context.Context, id string, err error) {
	ended := problem.New(problem.Unauthenticated, "this link has ended or is none: ask for a new one")
	if len(token) > maxAccessToken {
		return nil, "", ended
	}
	var broken error // a failure of ours, to be told apart from a bad token
	c := &linkClaims{}
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}), jwt.WithIssuer(s.issuer), jwt.WithAudience(linkAudience),
		jwt.WithExpirationRequired(), jwt.WithStrictDecoding(), jwt.WithTimeFunc(s.now),
	)
	_, err = parser.ParseWithClaims(token, c, func(t *jwt.Token) (any, error) {
		kid, _ := t.Header["kid"].(string)
		key, err := s.verifyingKey(ctx, kid)
		if err != nil {
			broken = err
			return nil, err
		}
		if key == nil {
			return nil, jwt.ErrTokenUnverifiable
		}
		return key, nil
	})
	switch {
	case broken != nil:
		return nil, "", broken
	case err != nil || c.Subject == "" || c.ID == "":
		return nil, "", ended
	}
	if err := json.Unmarshal(c.For, what); err != nil {
		return nil, "", ended
	}
	viewer := access.Viewer{UserID: c.Subject, SessionID: c.SessionID, KeyID: c.KeyID, Agent: c.Agent}
	if viewer.SessionID != "" || viewer.KeyID != "" {
		good, err := s.Good(ctx, []access.Viewer{viewer})
		if err != nil {
			return nil, "", err
		}
		if !good[0] {
			return nil, "", ended
		}
	}
	return access.WithViewer(ctx, viewer), c.ID, nil
}
