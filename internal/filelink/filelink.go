// Package filelink makes links by which a file can be sent or had without other
// credentials: for browsers, and for programs that speak HTTP only. A link is signed,
// ends within the hour, and is bound to the person who made it, one project, one path
// and one ref. What that person may not do any more when it is used, it doesn't do.
package filelink

import (
	"context"
	"net/url"
	"time"
	"unicode/utf8"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/workspace"
)

const (
	defaultLifetime = 15 * time.Minute
	maxLifetime     = time.Hour
	maxMessage      = 200 // characters: it travels in the link
)

// Upload is a file that will be sent, once.
type Upload struct {
	ProjectID string
	Branch    string
	Path      string
	Mode      workspace.Mode
	// Base is the revision that the file must have then; see workspace.Change.
	Base    *string
	Message string
}

// Download is a file that will be had.
type Download struct{ ProjectID, Path, Ref string }

// Signer makes tokens of the viewer and opens them; see identity.Service.
type Signer interface {
	SignLink(ctx context.Context, what any, lifetime time.Duration) (token string, expires time.Time, err error)
	OpenLink(ctx context.Context, token string, what any) (_ context.Context, id string, err error)
}

// Links makes and opens links.
type Links struct {
	db        *store.DB
	signer    Signer
	publicURL func() string
}

// New makes Links that begin with publicURL.
func New(db *store.DB, signer Signer, publicURL func() string) *Links {
	return &Links{db: db, signer: signer, publicURL: publicURL}
}

// signed is what a link is for; one of the two is set.
type signed struct {
	Upload   *Upload   `json:"up,omitempty"`
	Download *Download `json:"down,omitempty"`
}

// Upload makes a link to send a file by. seconds is how long it holds, nil a quarter of
// an hour. The viewer needs the role EDITOR, now and when it is used.
func (l *Links) Upload(ctx context.Context, u Upload, seconds *int) (link string, expires time.Time, err error) {
	if err := access.RequireRole(ctx, l.db.Ent, u.ProjectID, enum.ProjectEditor); err != nil {
		return "", time.Time{}, err
	}
	if err := workspace.CheckPath(workspace.Normal(u.Path)); err != nil {
		return "", time.Time{}, err
	}
	if utf8.RuneCountInString(u.Message) > maxMessage || !utf8.ValidString(u.Message) {
		return "", time.Time{}, problem.BadField("message", "the message of a link has at most %d characters", maxMessage)
	}
	if len(u.Branch) > maxName {
		return "", time.Time{}, problem.Missing("branch", "branch")
	}
	return l.sign(ctx, u.ProjectID, signed{Upload: &u}, seconds)
}

// Download makes a link to have a file by. The viewer needs to read the project, now and
// when it is used. Where ref is a branch, the link gives what is there when it is used.
func (l *Links) Download(ctx context.Context, d Download, seconds *int) (link string, expires time.Time, err error) {
	if err := access.RequireRole(ctx, l.db.Ent, d.ProjectID, enum.ProjectViewer); err != nil {
		return "", time.Time{}, err
	}
	if err := workspace.CheckPath(d.Path); err != nil {
		return "", time.Time{}, err
	}
	if len(d.Ref) > maxName {
		return "", time.Time{}, problem.Missing("ref", "branch")
	}
	return l.sign(ctx, d.ProjectID, signed{Download: &d}, seconds)
}

// maxName is the longest name of a branch that goes into a link, in bytes.
const maxName = 300

func (l *Links) sign(ctx context.Context, projectID string, s signed, seconds *int) (string, time.Time, error) {
	lifetime := defaultLifetime
	if seconds != nil {
		if *seconds < 1 || *seconds > int(maxLifetime/time.Second) {
			return "", time.Time{}, problem.BadField("expiresIn", "a link holds 1 to %d seconds", int(maxLifetime/time.Second))
		}
		lifetime = time.Duration(*seconds) * time.Second
	}
	token, expires, err := l.signer.SignLink(ctx, s, lifetime)
	if err != nil {
		return "", time.Time{}, err
	}
	return l.publicURL() + "/api/v1/projects/" + projectID + "/files?" + url.Values{"token": {token}}.Encode(), expires, nil
}

// OpenUpload returns what a link for uploads is for, a context with its maker's rights,
// and a key under which its use is to be remembered, so that there is one only.
func (l *Links) OpenUpload(ctx context.Context, token string) (context.Context, *Upload, string, error) {
	var s signed
	ctx, id, err := l.signer.OpenLink(ctx, token, &s)
	if err == nil && s.Upload == nil {
		err = problem.New(problem.Unauthenticated, "this link is for a download")
	}
	return ctx, s.Upload, "link " + id, err
}

// OpenDownload returns what a link for downloads is for, and a context with its maker's
// rights.
func (l *Links) OpenDownload(ctx context.Context, token string) (context.Context, *Download, error) {
	var s signed
	ctx, _, err := l.signer.OpenLink(ctx, token, &s)
	if err == nil && s.Download == nil {
		err = problem.New(problem.Unauthenticated, "this link is for an upload")
	}
	return ctx, s.Download, err
}
