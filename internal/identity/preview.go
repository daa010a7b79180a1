package identity

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/zeblit/zeblit/internal/access"
)

// PreviewUse is what the token of a preview is for. One is worth nothing in the place of
// the other, nor where the API asks who somebody is: each is for an audience of its own.
type PreviewUse string

// The uses.
const (
	PreviewLink   PreviewUse = "zeblit preview link"   // stands in an address, for some minutes
	PreviewCookie PreviewUse = "zeblit preview cookie" // what the link is exchanged for
)

// PreviewGrant lets its viewer's browser read the files of one project as web pages, and
// nothing else.
type PreviewGrant struct {
	ProjectID string `json:"prj"`
	Ref       string `json:"ref,omitempty"`  // "" is the main branch, as it is at each request
	Root      string `json:"root,omitempty"` // the folder that is served; "" is all of it
	Console   bool   `json:"con,omitempty"`  // whether pages get the console's script
	Fallback  bool   `json:"spa,omitempty"`  // whether what is missing is index.html
	// The viewer's, with the credential that they came with: the grant ends with it.
	UserID    string `json:"usr"`
	SessionID string `json:"sid,omitempty"`
	KeyID     string `json:"key,omitempty"`
	// Until is when the preview ends, in Unix seconds, whatever the token's own end.
	Until int64 `json:"until"`
}

// Viewer is whose rights it is used with.
func (g PreviewGrant) Viewer() access.Viewer {
	return access.Viewer{UserID: g.UserID, SessionID: g.SessionID, KeyID: g.KeyID, ExpiresAt: time.Unix(g.Until, 0)}
}

type previewClaims struct {
	jwt.RegisteredClaims
	PreviewGrant
}

// SignPreview makes the token of a grant.
func (s *Service) SignPreview(ctx context.Context, use PreviewUse, g PreviewGrant, expires time.Time) (string, error) {
	keys, err := s.signingKeys(ctx)
	if err != nil {
		return "", doing(err, "sign a preview")
	}
	t := jwt.NewWithClaims(jwt.SigningMethodEdDSA, previewClaims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: s.issuer, Audience: jwt.ClaimStrings{string(use)}, ExpiresAt: jwt.NewNumericDate(expires), ID: rand.Text(),
		},
		PreviewGrant: g,
	})
	t.Header["kid"] = keys.signer
	return t.SignedString(keys.private)
}

// ReadPreview gives back the grant of a token for that use, or UNAUTHENTICATED. Whether
// the viewer's credential is still good is not asked: see Revalidate.
func (s *Service) ReadPreview(ctx context.Context, use PreviewUse, token string) (*PreviewGrant, error) {
	c := &previewClaims{}
	if err := s.parse(ctx, s.parserFor(string(use)), token, c); err != nil {
		return nil, err
	}
	if c.UserID == "" || c.ProjectID == "" || !time.Unix(c.Until, 0).After(s.now()) {
		return nil, refused()
	}
	return &c.PreviewGrant, nil
}
