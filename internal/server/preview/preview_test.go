package preview_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/console"
	"github.com/zeblit/zeblit/internal/identity"
	domain "github.com/zeblit/zeblit/internal/preview"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/security"
	"github.com/zeblit/zeblit/internal/server/preview"
	"github.com/zeblit/zeblit/internal/server/room"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/stream/memory"
	"github.com/zeblit/zeblit/internal/workspace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testBundle is a project and the handler that serves its preview.
type testBundle struct {
	t       *testing.T
	db      *store.DB
	files   *workspace.Workspace
	owner   context.Context
	project string
	public  string
	room    *room.Room
	service *domain.Service
	handler *preview.Handler
}

func setup(t *testing.T, db *store.DB) *testBundle {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	log := stream.NewLog(db, memory.New(), quiet)
	people := identity.New(db, identity.Options{Issuer: "test", Logger: quiet})
	require.NoError(t, people.Start(t.Context()))
	ada := storetest.User(t, db, "ada@example.com")
	b := &testBundle{t: t, db: db, files: workspace.New(db, log), owner: access.WithViewer(t.Context(), ada), project: storetest.Project(t, db, ada, "P").ID, public: "http://127.0.0.1:8080"}
	b.room = room.New(room.Limits{Large: 1 << 20, Turn: time.Second})
	address := func() string { return b.public }
	b.service = domain.New(domain.Options{
		DB: db, Files: b.files, Identity: people, PublicURL: address, NewKey: console.New(console.Options{DB: db, Log: log, Logger: quiet}).Rotate,
	})
	b.handler = preview.New(preview.Config{Previews: b.service, Files: b.files, PublicURL: address, Room: b.room, Allow: func(context.Context) error { return nil }, Logger: quiet})
	return b
}

func (b *testBundle) write(files ...string) {
	b.t.Helper()
	var changes []workspace.Change
	for i := 0; i < len(files); i += 2 {
		c := workspace.Change{Path: files[i], Content: &files[i+1]}
		if target, is := strings.CutPrefix(files[i+1], "-> "); is {
			c.Content, c.Mode = &target, workspace.Symlink
		}
		changes = append(changes, c)
	}
	_, err := b.files.Commit(b.owner, workspace.Main(b.project), workspace.Author{Name: "Ada", Email: "ada@example.com"}, "files", changes...)
	require.NoError(b.t, err)
}

// ask asks the handler for a target of the project's preview.
func (b *testBundle) ask(method, target string, cookies ...*http.Cookie) *http.Response {
	b.t.Helper()
	r := httptest.NewRequestWithContext(b.t.Context(), method, "/", nil)
	r.Host = strings.Replace(b.project, "_", "-", 1) + ".preview.localhost:8080"
	u, err := r.URL.Parse("http://" + r.Host + target)
	require.NoError(b.t, err)
	r.URL = u
	for _, c := range cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	require.True(b.t, b.handler.Serves(r))
	b.handler.ServeHTTP(w, r)
	return w.Result()
}

// open follows a link to its cookie.
func (b *testBundle) open(in domain.LinkInput) *http.Cookie {
	b.t.Helper()
	in.ProjectID = b.project
	link, err := b.service.Link(b.owner, in)
	require.NoError(b.t, err)
	_, query, _ := strings.Cut(link.URL, "?")
	opened := b.ask(http.MethodGet, "/?"+query)
	require.NoError(b.t, opened.Body.Close())
	require.Equal(b.t, http.StatusSeeOther, opened.StatusCode)
	require.Len(b.t, opened.Cookies(), 1)
	return opened.Cookies()[0]
}

// text is what a page says.
func (b *testBundle) text(target string, cookie *http.Cookie) string {
	b.t.Helper()
	r := b.ask(http.MethodGet, target, cookie)
	defer func() { _ = r.Body.Close() }()
	return body(b.t, r)
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	require.NoError(t, r.Body.Close())
	return string(text)
}

// What is asked for is found below its folder alone, and is what its name says.
func TestWhatIsServedForAPath(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		const script = "<script>alert(1)</script>"
		b.write("secret.html", "S", "dist/index.html", "Home", "dist/about.html", "About", "dist/docs/index.html", "Docs", "dist/docs/a b.txt", "ab", "dist/APP.JS", "1",
			"dist/m.mjs", "1", "dist/style.css", "b{}", "dist/data.json", "{}", "dist/logo.svg", "<svg/>", "dist/feed.xml", "<a/>", "dist/site.webmanifest", "{}", "dist/f.woff2", "wOF2",
			"dist/page", script, "dist/x.unknown", "<!doctype html>"+script, "dist/picture", "\x89PNG\r\n\x1a\n", "dist/blob", "\x00\x01\x02", "dist/link.html", "-> about.html", "dist/out", "-> ../secret.html",
			"dist/empty/app.js", "1")
		cookie := b.open(domain.LinkInput{})
		const html, text = "text/html; charset=utf-8", "text/plain; charset=utf-8"
		for target, c := range map[string]struct {
			status int
			kind   string
			text   string // the body's, or where it leads
		}{
			"/": {200, html, "Home"}, "/index.html": {200, html, "Home"}, "/about.html": {200, html, "About"}, "/docs/": {200, html, "Docs"}, "/docs/a%20b.txt?v=1": {200, text, "ab"},
			"/docs": {302, "", "/docs/"}, "/docs?x=1": {302, "", "/docs/?x=1"}, "//docs": {302, "", "/docs/"}, "/./docs/../about.html": {200, html, "About"},
			"/APP.JS": {200, "text/javascript; charset=utf-8", "1"}, "/m.mjs": {200, "text/javascript; charset=utf-8", "1"}, "/style.css": {200, "text/css; charset=utf-8", "b{}"},
			"/data.json": {200, "application/json", "{}"}, "/logo.svg": {200, "image/svg+xml", "<svg/>"}, "/feed.xml": {200, "application/xml", "<a/>"},
			"/site.webmanifest": {200, "application/manifest+json", "{}"}, "/f.woff2": {200, "font/woff2", "wOF2"},
			"/page": {200, text, script}, "/x.unknown": {200, text, "<!doctype html>" + script}, "/picture": {200, "image/png", "\x89PNG\r\n\x1a\n"}, "/blob": {200, "application/octet-stream", "\x00\x01\x02"},
			"/link.html": {404, html, "no /link.html"}, "/out": {404, html, "no /out"}, "/secret.html": {404, html, "no /secret.html"}, "/../secret.html": {404, html, "no /secret.html"},
			"/%2e%2e/secret.html": {404, html, "no /secret.html"}, "/..%2fsecret.html": {404, html, ""}, "/.git/config": {404, html, "no /.git/config"}, "/empty": {404, html, "no /empty"}, "/empty/": {404, html, "no /empty"},
			"/about.html/": {404, html, "no /about.html"}, "/a%00b": {404, html, "There is no such file"}, "/%ff": {404, html, "There is no such file"},
			"/%3Cscript%3E": {404, html, "no /&lt;script&gt;"}, "/" + strings.Repeat("x", 5000): {404, html, "There is no such file"},
		} {
			got := b.ask(http.MethodGet, target, cookie)
			said := body(t, got)
			require.Equal(t, c.status, got.StatusCode, "%.60s: %s", target, said)
			require.Equal(t, "nosniff", got.Header.Get("X-Content-Type-Options"))
			switch c.status {
			case http.StatusFound:
				require.Equal(t, c.text, got.Header.Get("Location"), target)
			case http.StatusOK:
				require.Equal(t, []string{c.kind, c.text}, []string{got.Header.Get("Content-Type"), said}, target)
			default:
				require.Equal(t, c.kind, got.Header.Get("Content-Type"))
				require.Contains(t, said, c.text, target)
				require.NotContains(t, said, "<script>")
			}
		}
		head := b.ask(http.MethodHead, "/about.html", cookie)
		require.Equal(t, []any{200, html, int64(5)}, []any{head.StatusCode, head.Header.Get("Content-Type"), head.ContentLength})
		require.NoError(t, head.Body.Close())

		// A link leads to no other host, whatever its path looks like.
		_, query, _ := strings.Cut(func() string {
			link, err := b.service.Link(b.owner, domain.LinkInput{ProjectID: b.project})
			require.NoError(t, err)
			return link.URL
		}(), "?")
		for target, want := range map[string]string{"//evil.example/?": "/evil.example/", "///evil.example?x=1&": "/evil.example?x=1", `/%5Cevil.example?`: "/%5Cevil.example"} {
			led := b.ask(http.MethodGet, target+query)
			require.NoError(t, led.Body.Close())
			require.Equal(t, want, led.Header.Get("Location"))
		}
	})
}

// The script that reports the console stands in pages alone, and only in previews that ask for it.
func TestOnlyPagesGetTheConsolesScript(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		b.write("index.html", "<!doctype html><head><title>x</title>", "404.html", "<p>Lost", "app.js", "'<head>'", "page", "<head>", "empty.html", "")
		cookie := b.open(domain.LinkInput{Console: true})
		key, err := b.service.Key(b.owner, b.project)
		require.NoError(t, err)
		require.NotEmpty(t, key)
		script := `<script src="http://127.0.0.1:8080/api/v1/console.js?key=` + key + `"></script>`
		for target, want := range map[string]string{
			"/": "<!doctype html><head>" + script + "<title>x</title>", "/nothing": script + "<p>Lost", "/empty.html": script, "/app.js": "'<head>'", "/page": "<head>",
		} {
			require.Equal(t, want, b.text(target, cookie), target)
		}
		require.Equal(t, "<!doctype html><head><title>x</title>", b.text("/", b.open(domain.LinkInput{})))
	})
}

// The first page is what a browser would get, with nobody's cookie and no network.
func TestTheFirstPageAsAScanSeesIt(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		page, err := b.handler.Page(b.owner, b.project, "")
		require.NoError(t, err)
		require.Equal(t, []any{http.StatusNotFound, "index.html", false}, []any{page.Status, page.File, page.Secure})

		b.write("index.html", "All", "dist/index.html", "<!doctype html><p>Built")
		page, err = b.handler.Page(b.owner, b.project, "main")
		require.NoError(t, err)
		require.Equal(t, []any{http.StatusOK, "dist/index.html", "<!doctype html><p>Built", "text/html; charset=utf-8"}, []any{page.Status, page.File, string(page.Body), page.Header.Get("Content-Type")})
		sent := b.ask(http.MethodGet, "/", b.open(domain.LinkInput{}))
		require.Equal(t, string(page.Body), body(t, sent))
		require.Equal(t, sent.Header, page.Header)
		require.Empty(t, page.Header.Values("Set-Cookie"))
		rules := func() (all []string) {
			page, err := b.handler.Page(b.owner, b.project, "")
			require.NoError(t, err)
			for _, f := range security.Headers(*page) {
				require.Equal(t, "dist/index.html", f.File)
				all = append(all, f.Rule)
			}
			return all
		}
		require.Equal(t, []string{"header-csp-inline"}, rules(), "pages keep their inline scripts, unless they say otherwise")
		b.write("dist/index.html", `<meta http-equiv="Content-Security-Policy" content="script-src 'self'">`)
		require.Empty(t, rules())

		for _, c := range []struct {
			ctx          context.Context
			project, ref string
			code         problem.Code
			field        string
		}{
			{b.owner, b.project, "none", problem.NotFound, "ref"}, {b.owner, "\x00", "", problem.NotFound, "projectId"}, {t.Context(), b.project, "", problem.Unauthenticated, ""},
			{access.WithViewer(t.Context(), storetest.User(t, db, "eve@example.com")), b.project, "", problem.NotFound, "projectId"},
		} {
			_, err := b.handler.Page(c.ctx, c.project, c.ref)
			require.NotNil(t, problem.As(err), err)
			require.Equal(t, []any{c.code, c.field}, []any{problem.As(err).Code, problem.As(err).Field})
		}
		b.public = "https://zeblit.example"
		_, err = b.handler.Page(b.owner, b.project, "")
		require.True(t, problem.Is(err, problem.PreconditionFailed), "there are no previews there: %v", err)
	})
}

func TestAPreviewWaitsForRoomInMemory(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t))
	movie := strings.Repeat("x", 600<<10)
	b.write("index.html", "Home", "movie.txt", movie)
	cookie := b.open(domain.LinkInput{})
	leave, err := b.room.Take(t.Context(), 600<<10)
	require.NoError(t, err)

	refused := b.ask(http.MethodGet, "/movie.txt", cookie)
	require.Contains(t, body(t, refused), "Too much at once")
	require.Equal(t, http.StatusServiceUnavailable, refused.StatusCode)
	require.Equal(t, "1", refused.Header.Get("Retry-After"))
	require.Equal(t, "Home", b.text("/", cookie), "small files have room of their own")

	leave()
	require.Equal(t, movie, b.text("/movie.txt", cookie))
}
