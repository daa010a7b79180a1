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
func (s *Service) newParser() *jwt.Parser {
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
	if len(token) > maxAccessToken {
		return nil, refused()
	}
	var broken error // a failure of ours, to be told apart from a bad token
	c := &claims{}
	_, err := s.parser.ParseWithClaims(token, c, func(t *jwt.Token) (any, error) {
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
		return nil, broken
	}
	if err != nil || c.Subject == "" || c.SessionID == "" {
		return nil, refused()
	}
	return c, nil
}
