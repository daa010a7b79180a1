// Package preview serves the previews of projects: everything below their domain, where
// nothing else is served.
//
// Of a request only its method, host, path and the preview's own cookie count, and all
// that goes out are a project's files. The headers keep a page in its place: it can't be
// framed by others than the installation's pages, navigate the one that frames it, or be
// read by another origin.
package preview

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	stdhtml "html"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/zeblit/zeblit/internal/identity"
	"github.com/zeblit/zeblit/internal/preview"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/server/room"
	"github.com/zeblit/zeblit/internal/workspace"
)

// cookieName is that of the one cookie which previews set and read.
const cookieName = "zeblit_preview"

// Config are the parts that a Handler works with.
type Config struct {
	Previews *preview.Service
	Files    *workspace.Workspace
	// PublicURL is the installation's own.
	PublicURL func() string
	// Framing are more origins whose pages may frame previews.
	Framing []string
	// Room is for what clients take.
	Room *room.Room
	// Allow is asked before a request is served, with its viewer in the context.
	Allow  func(context.Context) error
	Logger *slog.Logger
}

// Handler serves previews.
type Handler struct{ Config }

// New makes a Handler.
func New(c Config) *Handler { return &Handler{c} }

// Serves says whether the request is for a preview: then it is for nobody else.
func (h *Handler) Serves(r *http.Request) bool {
	if h == nil {
		return false
	}
	_, is := h.Previews.ProjectAt(r.Host)
	return is
}

// IsOrigin says whether a web origin is a preview's.
func (h *Handler) IsOrigin(origin string) bool {
	u, err := url.Parse(origin)
	if h == nil || err != nil {
		return false
	}
	_, is := h.Previews.ProjectAt(u.Host)
	return is
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.headers(w.Header())
	projectID, _ := h.Previews.ProjectAt(r.Host)
	switch {
	case projectID == "":
		page(w, http.StatusNotFound, "There is no such preview", "Open previews by their links.")
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		page(w, http.StatusMethodNotAllowed, "Previews are only read", "There is no server behind these pages.")
	case r.URL.Query().Get(preview.Token) != "":
		h.exchange(w, r, projectID)
	default:
		h.serve(w, r, projectID)
	}
}

// exchange puts the cookie in the place of the token in the address.
func (h *Handler) exchange(w http.ResponseWriter, r *http.Request, projectID string) {
	query := r.URL.Query()
	cookie, expires, err := h.Previews.Exchange(r.Context(), projectID, query.Get(preview.Token))
	if err != nil {
		h.fail(w, r, err)
		return
	}
	http.SetCookie(w, h.cookie(cookie, expires))
	query.Del(preview.Token)
	clean := url.URL{Path: "/" + strings.TrimLeft(r.URL.Path, "/"), RawQuery: query.Encode()} // no other host's
	http.Redirect(w, r, clean.String(), http.StatusSeeOther)
}

// cookie is host-only, for this origin and no script. In a frame of the installation's
// pages it is a third party's, which browsers take only as Secure, and keep apart for
// each page that frames it. On this machine that goes without TLS too.
func (h *Handler) cookie(value string, expires time.Time) *http.Cookie {
	c := &http.Cookie{
		Name: cookieName, Value: value, Path: "/", Expires: expires, HttpOnly: true,
		SameSite: http.SameSiteNoneMode, Secure: true, Partitioned: true,
	}
	if public := h.PublicURL(); strings.HasPrefix(public, "http://") && h.Previews.Domain != "" && !strings.HasSuffix(h.Previews.Domain, "localhost") {
		c.SameSite, c.Secure, c.Partitioned = http.SameSiteLaxMode, false, false
	}
	return c
}

// serve sends a file of the project.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request, projectID string) {
	ctx, grant, err := h.enter(r, projectID)
	if err == nil {
		err = h.Allow(ctx)
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.answer(ctx, w, r, grant)
}

// answer sends what stands at the address, to whom may have it.
func (h *Handler) answer(ctx context.Context, w http.ResponseWriter, r *http.Request, grant *identity.PreviewGrant) {
	wanted := path.Clean("/" + r.URL.Path)
	folder := wanted == "/" || strings.HasSuffix(r.URL.Path, "/")
	name := wanted
	if folder {
		name = path.Join(wanted, "index.html")
	}
	status := http.StatusOK
	file, err := h.file(ctx, grant, name)
	if missing(err) && !folder {
		if _, inside := h.file(ctx, grant, path.Join(wanted, "index.html")); inside == nil {
			to := url.URL{Path: wanted + "/", RawQuery: r.URL.RawQuery}
			http.Redirect(w, r, to.String(), http.StatusFound)
			return
		}
	}
	if missing(err) && grant.Fallback && wantsPage(r) {
		file, err = h.file(ctx, grant, "/index.html")
	}
	if missing(err) {
		status = http.StatusNotFound
		file, err = h.file(ctx, grant, "/404.html")
	}
	if missing(err) {
		page(w, http.StatusNotFound, "There is no such file", "The preview has no "+wanted+".")
		return
	}
	if err == nil {
		err = h.send(ctx, w, r, grant, file, status)
	}
	if err != nil {
		h.fail(w, r, err)
	}
}

// enter finds among the cookies of that name the one that holds: a page of another preview
// may have set one for the whole domain.
func (h *Handler) enter(r *http.Request, projectID string) (ctx context.Context, grant *identity.PreviewGrant, err error) {
	err = problem.New(problem.Unauthenticated, "there is no cookie")
	for i, c := range r.CookiesNamed(cookieName) {
		if i == 4 {
			break
		}
		if ctx, grant, err = h.Previews.Enter(r.Context(), projectID, c.Value); err == nil {
			return ctx, grant, nil
		}
	}
	return r.Context(), nil, err
}

func (h *Handler) file(ctx context.Context, g *identity.PreviewGrant, name string) (*workspace.Unread, error) {
	file, err := h.Files.Find(ctx, g.ProjectID, strings.TrimPrefix(path.Join("/", g.Root, name), "/"), g.Ref)
	if err == nil && file.Mode == workspace.Symlink {
		return nil, problem.Missing("path", "file")
	}
	return file, err
}

// missing holds for files that aren't there, and paths that none can have.
func missing(err error) bool {
	p := problem.As(err)
	return p != nil && p.Field == "path" && (p.Code == problem.NotFound || p.Code == problem.BadInput)
}

func wantsPage(r *http.Request) bool {
	return path.Ext(r.URL.Path) == "" || strings.Contains(r.Header.Get("Accept"), "text/html")
}

func (h *Handler) send(ctx context.Context, w http.ResponseWriter, r *http.Request, g *identity.PreviewGrant, found *workspace.Unread, status int) error {
	size := int64(found.Size)
	leave, err := h.Room.Take(ctx, size)
	if err != nil {
		return err
	}
	defer leave()
	file, content, err := found.Read()
	if err != nil {
		return err
	}
	kind, tag := typeOf(file.Path, content), file.Revision
	if g.Console && kind == html {
		key, err := h.Previews.Key(ctx, g.ProjectID)
		if err != nil {
			return err
		}
		if key != "" {
			script := h.PublicURL() + "/api/v1/console.js?key=" + key
			content = inject(content, `<script src="`+stdhtml.EscapeString(script)+`"></script>`)
			sum := sha256.Sum256([]byte(script))
			tag += "-" + hex.EncodeToString(sum[:4])
		}
	}
	w.Header().Set("Content-Type", kind)
	w = h.Room.Writer(w, size)
	if status != http.StatusOK {
		w.WriteHeader(status)
		if r.Method != http.MethodHead {
			_, _ = w.Write(content)
		}
		return nil
	}
	w.Header().Set("ETag", `"`+tag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	return nil
}

var (
	headTag = regexp.MustCompile(`(?i)<head(?:\s[^>]*)?>`)
	early   = regexp.MustCompile(`(?i)^\s*(?:<!doctype[^>]*>\s*)?(?:<html(?:\s[^>]*)?>)?`)
)

// inject puts a tag first into the page's head, before all scripts of its own.
func inject(content []byte, tag string) []byte {
	at := headTag.FindIndex(content)
	if at == nil {
		at = early.FindIndex(content)
	}
	out := make([]byte, 0, len(content)+len(tag))
	out = append(out, content[:at[1]]...)
	out = append(out, tag...)
	return append(out, content[at[1]:]...)
}

// headers are those of all answers.
func (h *Handler) headers(header http.Header) {
	public := h.PublicURL()
	framing := strings.Join(append([]string{"'self'", public}, h.Framing...), " ")
	for name, value := range map[string]string{
		"Content-Security-Policy": "default-src 'self' https: data: blob: 'unsafe-inline' 'unsafe-eval'; " +
			"script-src 'self' https: data: blob: 'unsafe-inline' 'unsafe-eval' " + public + "/api/v1/console.js; " +
			"connect-src 'self' https: wss: data: blob: " + public + "/api/v1/console; " +
			"object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors " + framing + "; " +
			"sandbox allow-scripts allow-same-origin allow-forms allow-modals allow-popups allow-downloads",
		"Cache-Control":                "private, no-cache",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Permissions-Policy":           "camera=(), microphone=(), geolocation=(), display-capture=(), payment=(), usb=(), serial=(), hid=(), midi=(), storage-access=(), browsing-topics=()",
		"Referrer-Policy":              "no-referrer",
		"Vary":                         "Cookie",
		"X-Content-Type-Options":       "nosniff",
		"X-Robots-Tag":                 "noindex",
	} {
		header.Set(name, value)
	}
}

// fail says what is in the way, without a word about what there is.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := problem.As(err)
	switch {
	case p == nil:
		h.Logger.ErrorContext(r.Context(), "a preview failed", "host", r.Host, "error", err)
		page(w, http.StatusInternalServerError, "This went wrong", "Something is broken on the server; its log has it.")
	case p.Code == problem.RateLimited:
		w.Header().Set("Retry-After", "5")
		page(w, http.StatusTooManyRequests, "Too much at once", "Try again in some seconds.")
	case p.Code == problem.Unavailable && p.RetryAfter > 0:
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(p.RetryAfter.Seconds()))))
		page(w, http.StatusServiceUnavailable, "Too much at once", "Too many files are being taken at the moment: try again in some seconds.")
	case p.Code == problem.Unavailable:
		page(w, http.StatusServiceUnavailable, "Not now", "The database is not available at the moment: try again.")
	default:
		page(w, http.StatusUnauthorized, "This preview has ended", "Open it again from the project: links last ten minutes, what they open lasts an hour, and only as long as you are a member and signed in.")
	}
}

func page(w http.ResponseWriter, status int, title, text string) {
	w.Header().Set("Content-Type", html)
	w.WriteHeader(status)
	_, _ = w.Write([]byte(`<!doctype html><html lang="en"><head><meta charset="utf-8"><title>` + stdhtml.EscapeString(title) +
		`</title><style>:root{color-scheme:light dark}body{font:1rem/1.6 system-ui,sans-serif;margin:3rem auto;max-width:40rem;padding:0 1.25rem}</style></head><body><h1>` +
		stdhtml.EscapeString(title) + `</h1><p>` + stdhtml.EscapeString(text) + "</p></body></html>\n"))
}
