package preview_test

import (
	"context"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/identity"
	"github.com/zeblit/zeblit/internal/preview"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/stream/memory"
	"github.com/zeblit/zeblit/internal/workspace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testBundle is a project with these files, and who makes its previews.
type testBundle struct {
	options preview.Options
	owner   context.Context
	project string
}

func setup(t *testing.T, db *store.DB, paths ...string) *testBundle {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	files, people := workspace.New(db, stream.NewLog(db, memory.New(), quiet)), identity.New(db, identity.Options{Issuer: "test", Logger: quiet})
	require.NoError(t, people.Start(t.Context()))
	ada := storetest.User(t, db, "ada@example.com")
	b := &testBundle{owner: access.WithViewer(t.Context(), ada), project: storetest.Project(t, db, ada, "P").ID}
	b.options = preview.Options{DB: db, Files: files, Identity: people, PublicURL: func() string { return "http://127.0.0.1:8080" }}
	var changes []workspace.Change
	for _, path := range paths {
		text := "<p>" + path
		changes = append(changes, workspace.Change{Path: path, Content: &text})
	}
	if changes != nil {
		_, err := files.Commit(b.owner, workspace.Main(b.project), workspace.Author{Name: "Ada", Email: "ada@example.com"}, "files", changes...)
		require.NoError(t, err)
	}
	return b
}

func TestWhereALinkLeads(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db, "index.html")
		service := preview.New(b.options)
		for path, want := range map[string]string{
			"": "/", "/": "/", "about.html": "/about.html", "/a b/?x=1#y": "/a%20b/?x=1#y", "https://evil.example/": "/https://evil.example/",
			"/?zeblit_token=mine": "/", `\\evil.example`: "/%5C%5Cevil.example", strings.Repeat("x", 1024): "/" + strings.Repeat("x", 1024),
		} {
			link, err := service.Link(b.owner, preview.LinkInput{ProjectID: b.project, Path: path})
			require.NoError(t, err, path)
			u, err := url.Parse(link.URL)
			require.NoError(t, err)
			require.Equal(t, strings.Replace(b.project, "_", "-", 1)+".preview.localhost:8080", u.Host)
			query := u.Query()
			require.Len(t, query["zeblit_token"], 1)
			require.NotEqual(t, "mine", query.Get("zeblit_token"))
			query.Del("zeblit_token")
			u.RawQuery, u.Scheme, u.Host = query.Encode(), "", ""
			require.Equal(t, want, u.String())
		}
		for _, path := range []string{"//evil.example/", "%zz", "a\x00", "a\nb", strings.Repeat("x", 1025)} {
			_, err := service.Link(b.owner, preview.LinkInput{ProjectID: b.project, Path: path})
			require.NotNil(t, problem.As(err), "%.20q: %v", path, err)
			require.Equal(t, []any{problem.BadInput, "path"}, []any{problem.As(err).Code, problem.As(err).Field}, "%.20q", path)
		}
		for _, ref := range []string{"none", "\x00", strings.Repeat("0", 40)} {
			_, err := service.Link(b.owner, preview.LinkInput{ProjectID: b.project, Ref: ref})
			require.Equal(t, []any{problem.NotFound, "ref"}, []any{problem.As(err).Code, problem.As(err).Field})
		}
	})
}

func TestWhichFolderIsServed(t *testing.T) {
	t.Parallel()
	folder := func(s string) *string { return &s }
	for name, c := range map[string]struct {
		files []string
		root  *string
		want  string // "!" is an error in the field root
	}{
		"a build first":      {[]string{"index.html", "public/index.html", "build/index.html", "dist/index.html"}, nil, "dist"},
		"then another":       {[]string{"index.html", "public/index.html", "build/index.html", "dist/app.js"}, nil, "build"},
		"then what is there": {[]string{"index.html", "public/index.html"}, nil, "public"},
		"else all":           {[]string{"index.html", "public/app.js"}, nil, ""},
		"no files":           {nil, nil, ""},
		"as asked for":       {[]string{"dist/index.html", "site/a/x.html"}, folder("/site/a/"), "site/a"},
		"all, as asked for":  {[]string{"dist/index.html"}, folder("/"), ""},
		"a dot is all":       {[]string{"dist/index.html"}, folder("."), ""},
		"none of that name":  {[]string{"index.html"}, folder("site"), "!"},
		"a file":             {[]string{"site"}, folder("site"), "!"},
		"outside":            {[]string{"index.html"}, folder("../.."), "!"},
		"of git's":           {[]string{"index.html"}, folder(".git"), "!"},
		"no path":            {[]string{"index.html"}, folder("a\x00"), "!"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, storetest.SQLite(t), c.files...)
			root, _, err := preview.New(b.options).Start(b.owner, preview.LinkInput{ProjectID: b.project, Root: c.root})
			if c.want == "!" {
				require.NotNil(t, problem.As(err), "%q: %v", root, err)
				require.Equal(t, "root", problem.As(err).Field)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, root)
		})
	}
}

func TestEachPreviewHasAHostOfItsOwn(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t))
	label := strings.Replace(b.project, "_", "-", 1)
	for _, c := range []struct{ public, domain, want string }{
		{"http://127.0.0.1:8080", "", "http://" + label + ".preview.localhost:8080"},
		{"http://[::1]:8080", "", "http://" + label + ".preview.localhost:8080"},
		{"http://localhost", "", "http://" + label + ".preview.localhost"},
		{"https://zeblit.example:8443", "preview.example", "https://" + label + ".preview.example:8443"},
	} {
		o := b.options
		o.PublicURL, o.Domain = func() string { return c.public }, c.domain
		_, origin, err := preview.New(o).Start(b.owner, preview.LinkInput{ProjectID: b.project})
		require.NoError(t, err)
		require.Equal(t, c.want, origin.String())
		id, is := preview.New(o).ProjectAt(origin.Host)
		require.Equal(t, []any{b.project, true}, []any{id, is})
	}
	service := preview.New(preview.Options{Domain: "preview.example"})
	for host, want := range map[string]struct {
		id string
		is bool
	}{
		label + ".preview.example": {b.project, true}, strings.ToUpper(label) + ".Preview.Example.:80": {b.project, true},
		"preview.example": {"", true}, "a.b.preview.example": {"", true}, "usr" + label[3:] + ".preview.example": {"", true}, "x." + label + ".preview.example": {"", true},
		"example": {}, "": {}, "zeblit.example": {}, label + ".evilpreview.example": {}, label + ".preview.example.evil": {}, "[::1]:80": {}, "preview.example.evil:80": {},
	} {
		id, is := service.ProjectAt(host)
		require.Equal(t, []any{want.id, want.is}, []any{id, is}, host)
	}
}
