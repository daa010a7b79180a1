package identity

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	accessLifetime = 15 * time.Minute
	audience       = "zeblit"
	// maxAccessToken is the length in bytes above which nothing is parsed.
	maxAccessToken = 4096
)

// claims is what an access token says.
type claims struct {
	jwt.RegisteredClaims
	SessionID string `json:"sid"`
}

// sign makes the access token of a session. JWT times are whole seconds, so it
// may end up to a second before the 15 minutes are over.
func (s *Service) sign(keys *keyring, userID, sessionID string, now time.Time) (token string, expires time.Time, err error) {
	expires = now.Add(accessLifetime).Truncate(time.Second)
	t := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer:    s.issuer,
			Audience:  jwt.ClaimStrings{audience},
			Subject:   userID,
			IssuedAt:  jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(expires),
			ID:        rand.Text(),
		},
		SessionID: sessionID,
	})
	t.Header["kid"] = keys.signer
	token, err = t.SignedString(keys.private)
	return token, expires, err
}

// newParser accepts our own tokens only: the algorithm is fixed here, never read
// from the token.
func (s *Service) newParser() *jwt.Parser { return s.parserFor(audience) }

// parserFor accepts those alone that were made for an audience.
func (s *Service) parserFor(audience string) *jwt.Parser {
	return jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}),
		jwt.WithIssuer(s.issuer),
		jwt.WithAudience(audience),
		jwt.WithExpirationRequired(),
		jwt.WithStrictDecoding(),
		jwt.WithTimeFunc(s.now),
	)
}

// verify checks an access token's signature and claims, not its session.
func (s *Service) verify(ctx context.Context, token string) (*claims, error) {
	c := &claims{}
	err := s.parse(ctx, s.parser, token, c)
	if err == nil && (c.Subject == "" || c.SessionID == "") {
		err = refused()
	}
	return c, err
}

// parse checks a token's signature and what its parser asks for.
func (s *Service) parse(ctx context.Context, parser *jwt.Parser, token string, into jwt.Claims) error {
	if len(token) > maxAccessToken {
		return refused()
	}
	var broken error // a failure of ours, to be told apart from a bad token
	_, err := parser.ParseWithClaims(token, into, func(t *jwt.Token) (any, error) {
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
	if broken != nil {
		return broken
	}
	if err != nil {
		return refused()
	}
	return nil
}
