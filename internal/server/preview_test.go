package server_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/membership"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/console"
	"github.com/zeblit/zeblit/internal/preview"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/server"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/stream/memory"
	"github.com/zeblit/zeblit/internal/workspace"
)

// previewBundle is a server with previews, and a project of its person's.
type previewBundle struct {
	*testBundle
	db       *store.DB
	previews *preview.Service
	files    *workspace.Workspace
	owner    context.Context
	project  *ent.Project
}

func setupPreview(t *testing.T) *previewBundle {
	t.Helper()
	b := &previewBundle{}
	b.testBundle = setup(t, func(o *server.Options) {
		log := stream.NewLog(o.DB, memory.New(), o.Logger)
		reports := console.New(console.Options{DB: o.DB, Log: log, Logger: slog.New(slog.DiscardHandler)})
		b.db, b.files = o.DB, workspace.New(o.DB, log)
		b.previews = preview.New(preview.Options{
			DB: o.DB, Files: b.files, Identity: o.Identity, NewKey: reports.Rotate, PublicURL: func() string { return b.publicURL() },
		})
		o.Console, o.Previews, o.Files = reports, b.previews, b.files
		o.AllowedOrigins = []string{"https://console.example", "http://prj-0.preview.localhost:8080"}
	})
	b.owner = access.WithViewer(t.Context(), b.viewer)
	keyed, err := b.people.Authenticate(t.Context(), "Bearer "+b.key)
	require.NoError(t, err)
	b.owner = keyed
	b.project = storetest.Project(t, b.db, b.viewer, "P")
	return b
}

// publicURL is where the server listens, once it does.
func (b *previewBundle) publicURL() string {
	if b.testBundle == nil {
		return "http://127.0.0.1"
	}
	return b.url
}

func (b *previewBundle) write(files ...string) string {
	b.t.Helper()
	var changes []workspace.Change
	for i := 0; i < len(files); i += 2 {
		changes = append(changes, workspace.Change{Path: files[i], Content: &files[i+1]})
	}
	hash, err := b.files.Commit(b.owner, workspace.Main(b.project.ID), workspace.Author{}, "m", changes...)
	require.NoError(b.t, err)
	return hash
}

func (b *previewBundle) link(in preview.LinkInput) *url.URL {
	b.t.Helper()
	in.ProjectID = b.project.ID
	link, err := b.previews.Link(b.owner, in)
	require.NoError(b.t, err)
	u, err := url.Parse(link.URL)
	require.NoError(b.t, err)
	return u
}

// at asks for a path with a Host of its own; redirects are shown, not followed.
func (b *previewBundle) at(method, host, path string, header ...string) reply {
	b.t.Helper()
	client := *b.client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	request, err := http.NewRequestWithContext(b.t.Context(), method, b.url+path, nil)
	require.NoError(b.t, err)
	request.Host = host
	for i := 0; i < len(header); i += 2 {
		request.Header.Add(header[i], header[i+1])
	}
	resp, err := client.Do(request)
	require.NoError(b.t, err)
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(b.t, err)
	return reply{resp.StatusCode, resp.Header, string(raw)}
}

// open follows a link and returns the cookie.
func (b *previewBundle) open(u *url.URL) (host, cookie string) {
	b.t.Helper()
	got := b.at(http.MethodGet, u.Host, u.RequestURI())
	require.Equal(b.t, http.StatusSeeOther, got.status, got.raw)
	set := got.header.Get("Set-Cookie")
	require.NotContains(b.t, got.header.Get("Location"), "zeblit_token")
	for _, attribute := range []string{"HttpOnly", "Path=/", "SameSite=None", "Secure", "Partitioned", "Expires="} {
		require.Contains(b.t, set, attribute)
	}
	require.NotContains(b.t, set, "Domain")
	cookie, _, _ = strings.Cut(set, ";")
	return u.Host, cookie
}

func TestAPreviewShowsTheProjectsFiles(t *testing.T) {
	t.Parallel()
	b := setupPreview(t)
	first := b.write("index.html", "<!doctype html><html><head><title>One</title></head>", "a/index.html", "A", "style.css", "body{}", "data.bin", "\x00\x01\x02\x03", "notes", "<script>alert(1)</script>")
	link := b.link(preview.LinkInput{Path: "/a/?x=1"})
	require.Equal(t, strings.Replace(b.project.ID, "_", "-", 1)+".preview.localhost", link.Hostname())
	_, port, err := net.SplitHostPort(b.addr)
	require.NoError(t, err)
	require.Equal(t, port, link.Port())
	opened := b.at(http.MethodGet, link.Host, link.RequestURI())
	require.Equal(t, "/a/?x=1", opened.header.Get("Location"))
	host, cookie := b.open(link)
	get := func(path string, header ...string) reply {
		return b.at(http.MethodGet, host, path, append(header, "Cookie", cookie)...)
	}

	page := get("/")
	require.Equal(t, http.StatusOK, page.status)
	require.Contains(t, page.raw, "One")
	require.Equal(t, "text/html; charset=utf-8", page.header.Get("Content-Type"))
	policy := page.header.Get("Content-Security-Policy")
	require.Contains(t, policy, "frame-ancestors 'self' "+b.url)
	require.Contains(t, policy, "sandbox allow-scripts")
	require.NotContains(t, policy, "allow-top-navigation")
	require.Empty(t, page.header.Get("X-Frame-Options"), "the installation's pages frame it")
	require.Equal(t, []string{"same-origin", "same-origin", "no-referrer", "nosniff"}, []string{
		page.header.Get("Cross-Origin-Opener-Policy"), page.header.Get("Cross-Origin-Resource-Policy"), page.header.Get("Referrer-Policy"), page.header.Get("X-Content-Type-Options"),
	})
	require.Equal(t, http.StatusNotModified, get("/", "If-None-Match", page.header.Get("ETag")).status)
	require.Equal(t, "text/css; charset=utf-8", get("/style.css").header.Get("Content-Type"))
	part := get("/data.bin", "Range", "bytes=1-2")
	require.Equal(t, http.StatusPartialContent, part.status)
	require.Equal(t, "\x01\x02", part.raw)
	require.Equal(t, "application/octet-stream", part.header.Get("Content-Type"))
	require.Equal(t, "text/plain; charset=utf-8", get("/notes").header.Get("Content-Type"), "what doesn't say that it is a page is none")
	require.Equal(t, "/a/?y", get("/a?y").header.Get("Location"))
	require.Equal(t, "A", get("/a/").raw)
	require.Equal(t, http.StatusNotFound, get("/nothing").status)
	require.Equal(t, http.StatusNotFound, get("/%2e%2e/%2e%2e/etc/passwd").status)
	require.Equal(t, http.StatusNotFound, get("/.git/config").status)
	require.Equal(t, http.StatusMethodNotAllowed, b.at(http.MethodPost, host, "/", "Cookie", cookie).status)

	b.write("index.html", "Two", "404.html", "Lost")
	require.Equal(t, "Two", get("/").raw)
	require.Equal(t, []any{http.StatusNotFound, "Lost"}, []any{get("/nothing").status, get("/nothing").raw})
	_, pinned := b.open(b.link(preview.LinkInput{Ref: first}))
	require.Contains(t, b.at(http.MethodGet, host, "/", "Cookie", pinned).raw, "One")
	_, spa := b.open(b.link(preview.LinkInput{Fallback: true}))
	require.Equal(t, "Two", b.at(http.MethodGet, host, "/users/7", "Cookie", spa).raw)
	require.Equal(t, http.StatusNotFound, b.at(http.MethodGet, host, "/missing.js", "Cookie", spa).status)

	// Where there is a build it is that which is shown, unless another folder is asked for.
	b.write("dist/index.html", "Built")
	_, built := b.open(b.link(preview.LinkInput{}))
	require.Equal(t, "Built", b.at(http.MethodGet, host, "/", "Cookie", built).raw)
	require.Equal(t, http.StatusNotFound, b.at(http.MethodGet, host, "/style.css", "Cookie", built).status)
	all := ""
	_, whole := b.open(b.link(preview.LinkInput{Root: &all}))
	require.Equal(t, "Two", b.at(http.MethodGet, host, "/", "Cookie", whole).raw)
	for _, wrong := range []string{"nothing", "../x"} {
		_, err := b.previews.Link(b.owner, preview.LinkInput{ProjectID: b.project.ID, Root: &wrong})
		require.Equal(t, "root", problem.As(err).Field)
	}
}

func TestPagesOfAPreviewReportTheirConsoleOnRequest(t *testing.T) {
	t.Parallel()
	b := setupPreview(t)
	b.write("index.html", "<!doctype html>\n<html>\n<HEAD lang=x><script>1</script>", "bare.html", "<!DOCTYPE html><p>x", "header.html", "<header>x", "x.js", "1")
	host, plain := b.open(b.link(preview.LinkInput{}))
	require.NotContains(t, b.at(http.MethodGet, host, "/", "Cookie", plain).raw, "console.js")
	host, cookie := b.open(b.link(preview.LinkInput{Console: true}))
	key, err := b.previews.Key(b.owner, b.project.ID)
	require.NoError(t, err)
	script := `<script src="` + b.url + "/api/v1/console.js?key=" + key + `"></script>`
	get := func(path string) string { return b.at(http.MethodGet, host, path, "Cookie", cookie).raw }
	require.Equal(t, "<!doctype html>\n<html>\n<HEAD lang=x>"+script+"<script>1</script>", get("/"))
	require.Equal(t, "<!DOCTYPE html>"+script+"<p>x", get("/bare.html"))
	require.Equal(t, script+"<header>x", get("/header.html"))
	require.Equal(t, "1", get("/x.js"))
	require.NotEqual(t, b.at(http.MethodGet, host, "/", "Cookie", cookie).header.Get("ETag"), b.at(http.MethodGet, host, "/", "Cookie", plain).header.Get("ETag"))

	guest := storetest.User(t, b.db, "guest@example.com")
	unchecked := storetest.Unchecked(t.Context())
	require.NoError(t, b.db.Ent.Membership.Create().SetProjectID(b.project.ID).SetUserID(guest.UserID).SetRole(enum.ProjectViewer).Exec(unchecked))
	_, err = b.previews.Link(access.WithViewer(t.Context(), guest), preview.LinkInput{ProjectID: b.project.ID, Console: true})
	require.NoError(t, err)
	_, err = b.db.Ent.ConsoleKey.Delete().Exec(unchecked)
	require.NoError(t, err)
	_, err = b.previews.Link(access.WithViewer(t.Context(), guest), preview.LinkInput{ProjectID: b.project.ID, Console: true})
	require.True(t, problem.Is(err, problem.PreconditionFailed), "who only reads makes no key")
}

func TestAPreviewIsForItsViewerAlone(t *testing.T) {
	t.Parallel()
	b := setupPreview(t)
	b.write("index.html", "One")
	link := b.link(preview.LinkInput{})
	host, cookie := b.open(link)
	get := func(host, cookie string) int { return b.at(http.MethodGet, host, "/", "Cookie", cookie).status }
	require.Equal(t, http.StatusOK, get(host, cookie))
	_, token, _ := strings.Cut(cookie, "=")

	require.Equal(t, http.StatusUnauthorized, b.at(http.MethodGet, host, "/").status)
	require.Equal(t, http.StatusUnauthorized, get(host, cookie+"x"))
	require.Equal(t, http.StatusUnauthorized, get(host, "zeblit_preview="+link.Query().Get("zeblit_token")), "a link is no cookie")
	require.Equal(t, http.StatusUnauthorized, b.at(http.MethodGet, host, "/?zeblit_token="+token).status, "nor a cookie a link")
	require.Equal(t, http.StatusUnauthorized, b.at(http.MethodGet, host, "/", "Authorization", "Bearer "+b.key).status, "the API's credentials count for nothing")
	require.Equal(t, http.StatusOK, get(host, "zeblit_preview=tossed; "+cookie), "a sibling can't shadow it")

	// Another project's preview is another's.
	other := storetest.Project(t, b.db, b.viewer, "Other")
	otherHost := strings.Replace(host, strings.Replace(b.project.ID, "_", "-", 1), strings.Replace(other.ID, "_", "-", 1), 1)
	require.Equal(t, http.StatusUnauthorized, get(otherHost, cookie))
	require.Equal(t, http.StatusUnauthorized, b.at(http.MethodGet, otherHost, link.RequestURI()).status)

	// Neither opens the API, and no door of the API is at a preview's host.
	for _, credential := range []string{token, link.Query().Get("zeblit_token")} {
		got := b.post(object{"query": "{ viewer { id } }"}, "Authorization", "Bearer "+credential)
		require.Equal(t, http.StatusUnauthorized, got.status, got.raw)
	}
	for _, path := range []string{"/graphql?query={__typename}", "/health", "/api/v1/health", "/api/v1/console.js", "/schema.graphql", "/metrics", "/explorer"} {
		for _, h := range []string{host, strings.ToUpper(host), "preview.localhost", "x.preview.localhost:1", "a.b.preview.localhost."} {
			got := b.at(http.MethodGet, h, path, "Cookie", cookie)
			require.Equal(t, http.StatusNotFound, got.status, "%s at %s: %s", path, h, got.raw)
			require.Contains(t, got.header.Get("Content-Security-Policy"), "sandbox")
		}
	}
	require.Equal(t, http.StatusMethodNotAllowed, b.at(http.MethodPost, host, "/graphql", "Cookie", cookie).status)

	// A preview is no origin of the API's, even where somebody has listed it.
	listed := "http://prj-0.preview.localhost:8080"
	for _, origin := range []string{"http://" + host, listed} {
		require.Empty(t, b.do(http.MethodGet, "/graphql?query={__typename}", "", "Origin", origin).header.Get("Access-Control-Allow-Origin"))
		ws, resp := b.dial(http.Header{"Origin": {origin}})
		require.Nil(t, ws)
		require.Equal(t, http.StatusForbidden, resp.StatusCode)
		require.NoError(t, resp.Body.Close())
	}

	// It ends with the membership, and with the credential that it was made with.
	unchecked := storetest.Unchecked(t.Context())
	_, err := b.db.Ent.Membership.Update().Where(membership.ProjectID(b.project.ID)).SetRole(enum.ProjectViewer).Save(unchecked)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, get(host, cookie))
	id := access.ViewerFrom(b.owner).KeyID
	_, err = b.people.RevokeAPIKey(access.WithViewer(t.Context(), b.viewer), id)
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, get(host, cookie))
	require.Equal(t, http.StatusUnauthorized, b.at(http.MethodGet, link.Host, link.RequestURI()).status)
}

func TestAPreviewEndsWithTheMembership(t *testing.T) {
	t.Parallel()
	b := setupPreview(t)
	b.write("index.html", "One")
	host, cookie := b.open(b.link(preview.LinkInput{}))
	require.Equal(t, http.StatusOK, b.at(http.MethodGet, host, "/", "Cookie", cookie).status)
	eve := access.WithViewer(t.Context(), storetest.User(t, b.db, "eve@example.com"))
	for _, id := range []string{b.project.ID, "prj_x", ""} {
		_, err := b.previews.Link(eve, preview.LinkInput{ProjectID: id})
		require.True(t, problem.Is(err, problem.NotFound))
	}
	_, err := b.previews.Link(t.Context(), preview.LinkInput{ProjectID: b.project.ID})
	require.True(t, problem.Is(err, problem.Unauthenticated))
	_, err = b.db.Ent.Membership.Delete().Exec(storetest.Unchecked(t.Context()))
	require.NoError(t, err)
	got := b.at(http.MethodGet, host, "/", "Cookie", cookie)
	require.Equal(t, http.StatusUnauthorized, got.status)
	require.NotContains(t, got.raw, "One")
}

func TestWithoutADomainThereAreNoPreviewsElsewhere(t *testing.T) {
	t.Parallel()
	s := preview.New(preview.Options{PublicURL: func() string { return "https://zeblit.example.com" }})
	ctx := access.WithViewer(t.Context(), access.Viewer{UserID: "usr_x"})
	_, err := s.Link(ctx, preview.LinkInput{ProjectID: "prj_00000000000000000000000000"})
	require.True(t, problem.Is(err, problem.PreconditionFailed), err)
}
