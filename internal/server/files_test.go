package server_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/membership"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/filelink"
	"github.com/zeblit/zeblit/internal/server"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/stream/memory"
	"github.com/zeblit/zeblit/internal/workspace"
)

// filesBundle is a server with a project of its person's.
type filesBundle struct {
	*testBundle
	ctx     context.Context
	project *ent.Project
	files   *workspace.Workspace
	links   *filelink.Links
}

// eachFiles runs test on both databases.
func eachFiles(t *testing.T, test func(t *testing.T, b *filesBundle), options ...workspace.Option) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, db *store.DB) { test(t, setupFiles(t, db, options...)) })
}

func setupFiles(t *testing.T, db *store.DB, options ...workspace.Option) *filesBundle {
	t.Helper()
	return setupFilesWith(t, db, func(*server.Options) {}, options...)
}

func setupFilesWith(t *testing.T, db *store.DB, change func(*server.Options), options ...workspace.Option) *filesBundle {
	t.Helper()
	b := &filesBundle{}
	b.testBundle = setupOn(t, db, func(o *server.Options) {
		change(o)
		logger := slog.New(slog.DiscardHandler)
		b.files = workspace.New(o.DB, stream.NewLog(o.DB, memory.New(), logger), options...)
		b.links = filelink.New(o.DB, o.Identity, func() string { return "" })
		o.Files, o.FileLinks = b.files, b.links
	})
	b.ctx = access.WithViewer(t.Context(), b.viewer)
	b.project = storetest.Project(t, b.db, b.viewer, "Site")
	return b
}

func (b *filesBundle) path(rest string) string { return "/api/v1/projects/" + b.project.ID + rest }

func (b *filesBundle) with(header ...string) []string {
	return append(header, "Authorization", "Bearer "+b.key)
}

func (b *filesBundle) put(path, body string, header ...string) reply {
	b.t.Helper()
	return b.do(http.MethodPost, b.path("/files?path="+url.QueryEscape(path)), body, b.with(header...)...)
}

func (b *filesBundle) get(path string, header ...string) reply {
	b.t.Helper()
	return b.do(http.MethodGet, b.path("/files?path="+url.QueryEscape(path)), "", b.with(header...)...)
}

func TestWhoLosesTheProjectMeanwhileIsToldSo(t *testing.T) {
	t.Parallel()
	eachFiles(t, func(t *testing.T, b *filesBundle) {
		require.Equal(t, http.StatusCreated, b.put("f", "content").status)
		was := b.db.Ent.Membership.Query().Where(membership.ProjectID(b.project.ID)).OnlyX(b.ctx)
		var left atomic.Int64 // reads outside of transactions until it is lost
		b.db.Ent.Intercept(ent.InterceptFunc(func(next ent.Querier) ent.Querier {
			return ent.QuerierFunc(func(ctx context.Context, q ent.Query) (ent.Value, error) {
				if left.Add(-1) == 0 {
					_, err := b.db.Ent.Membership.Delete().Exec(storetest.Unchecked(ctx))
					assert.NoError(t, err)
				}
				return next.Query(ctx, q)
			})
		}))
		for name, request := range map[string]func() reply{
			"send":    func() reply { return b.put("f", "content") },
			"have":    func() reply { return b.get("f") },
			"archive": func() reply { return b.do(http.MethodGet, b.path("/archive"), "", b.with()...) },
		} {
			for reads := int64(1); ; reads++ {
				left.Store(reads)
				got := request()
				if left.Load() > 0 {
					break // it was answered before
				}
				require.Contains(t, []int{http.StatusOK, http.StatusCreated, http.StatusNotFound}, got.status, "%s, after read %d: %s", name, reads, got.raw)
				left.Store(-1)
				require.NoError(t, b.db.Ent.Membership.Create().SetProjectID(was.ProjectID).SetUserID(was.UserID).SetRole(was.Role).Exec(storetest.Unchecked(b.ctx)))
			}
		}
	})
}

func TestFilesAreSentAndHadAsBytes(t *testing.T) {
	t.Parallel()
	eachFiles(t, func(t *testing.T, b *filesBundle) {
		raw := "\x89PNG\r\n\x1a\n" + strings.Repeat("\x00\xff", 1000)
		got := b.put("img/a b.png", raw)
		require.Equal(t, 201, got.status, got.raw)
		var answer struct {
			Path, Revision, Commit string
			Size                   int
			IsBinary               bool
		}
		require.NoError(t, json.Unmarshal([]byte(got.raw), &answer))
		require.Equal(t, "img/a b.png", answer.Path)
		require.Equal(t, len(raw), answer.Size)
		require.True(t, answer.IsBinary)
		require.Len(t, answer.Commit, 40)

		got = b.get("img/a b.png")
		require.Equal(t, 200, got.status)
		require.Equal(t, raw, got.raw)
		for name, want := range map[string]string{
			"Content-Type": "image/png", "Content-Disposition": `attachment; filename="a b.png"`, "X-Content-Type-Options": "nosniff",
			"ETag": `"` + answer.Revision + `"`, "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
			"Cache-Control": "private, no-cache", "Accept-Ranges": "bytes",
		} {
			require.Equal(t, want, got.header.Get(name), name)
		}
		got = b.get("img/a b.png", "Range", "bytes=1-3")
		require.Equal(t, 206, got.status)
		require.Equal(t, "PNG", got.raw)
		require.Equal(t, "bytes 1-3/2008", got.header.Get("Content-Range"))
		require.Equal(t, 416, b.get("img/a b.png", "Range", "bytes=5000-").status)
		require.Equal(t, 304, b.get("img/a b.png", "If-None-Match", `"`+answer.Revision+`"`).status)
		head := b.do(http.MethodHead, b.path("/files?path=img/a%20b.png"), "", b.with()...)
		require.Equal(t, "2008", head.header.Get("Content-Length"))
		require.Equal(t, 405, b.do(http.MethodDelete, b.path("/files?path=a"), "", b.with()...).status)

		require.Equal(t, 201, b.put("page.html", "<script>alert(1)</script>").status)
		got = b.do(http.MethodGet, b.path("/files?path=page.html&disposition=inline"), "", b.with()...)
		require.Equal(t, "text/plain; charset=utf-8", got.header.Get("Content-Type"))
		require.Equal(t, `inline; filename=page.html`, got.header.Get("Content-Disposition"))
	})
}

func TestUploadsAreGuarded(t *testing.T) {
	t.Parallel()
	eachFiles(t, func(t *testing.T, b *filesBundle) {
		require.Equal(t, 201, b.put("a", "1", "If-None-Match", "*").status)
		got := b.put("a", "2", "If-None-Match", "*")
		require.Equal(t, 409, got.status)
		require.Equal(t, "CONFLICT", code(t, got.raw))
		require.Contains(t, got.raw, `"currentText":"1"`)
		tag := b.get("a").header.Get("ETag")
		require.Equal(t, 201, b.put("a", "2", "If-Match", tag).status)
		require.Equal(t, 409, b.put("a", "3", "If-Match", tag).status)
		require.Equal(t, "2", b.get("a").raw)

		for _, path := range []string{"", "../a", "/a", ".git/config", "a\x00"} {
			got := b.put(path, "x")
			require.Equal(t, 400, got.status)
			require.Equal(t, "BAD_USER_INPUT", code(t, got.raw))
		}
		got = b.get("nothing")
		require.Equal(t, 404, got.status)
		require.Equal(t, "NOT_FOUND", code(t, got.raw))
		require.Equal(t, 404, b.do(http.MethodGet, b.path("/files?path=a&ref=nowhere"), "", b.with()...).status)
		require.Equal(t, 401, b.do(http.MethodGet, b.path("/files?path=a"), "").status)
		require.Equal(t, 401, b.do(http.MethodPost, b.path("/files?path=a"), "x").status)
		require.Equal(t, 400, b.do(http.MethodPost, b.path("/files?path=a&mode=symlink"), "x", b.with()...).status)
	})
}

func TestUploadsAreBounded(t *testing.T) {
	t.Parallel()
	eachFiles(t, func(t *testing.T, b *filesBundle) {
		big := strings.Repeat("x", workspace.MaxFile+1)
		for name, body := range map[string]io.Reader{"declared": strings.NewReader(big), "silent": io.MultiReader(strings.NewReader(big))} {
			resp := b.start(http.MethodPost, b.path("/files?path=big"), body, b.with()...) //nolint:bodyclose // start's cleanup does
			raw, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.Equal(t, http.StatusRequestEntityTooLarge, resp.StatusCode, name)
			require.Equal(t, "BAD_USER_INPUT", code(t, string(raw)))
			require.Contains(t, string(raw), "52428800 bytes at most")
		}
		require.Equal(t, 404, b.get("big").status)
		if testing.Short() {
			return // 50 MiB take the race detector more than a minute
		}
		require.Eventually(t, func() bool { // a busy database may ask to be left alone for a while
			status := b.put("big", big[1:]).status
			require.Contains(t, []int{201, 503}, status)
			return status == 201
		}, 2*patience, 100*time.Millisecond)
		require.Len(t, b.get("big").raw, workspace.MaxFile)
	})
}

func TestAFullProjectIsSaid(t *testing.T) {
	t.Parallel()
	eachFiles(t, func(t *testing.T, b *filesBundle) {
		got := b.put("a", "eleven bytes")
		require.Equal(t, http.StatusUnprocessableEntity, got.status)
		require.Equal(t, "PRECONDITION_FAILED", code(t, got.raw))
		require.Contains(t, got.raw, "would take 12 bytes and may take 10: they take 0 now")
	}, workspace.WithQuota(workspace.Quota{Bytes: 10}))
}

func TestOthersHaveNoFiles(t *testing.T) {
	t.Parallel()
	eachFiles(t, func(t *testing.T, b *filesBundle) {
		require.Equal(t, 201, b.put("a", "secret").status)
		eve := storetest.User(t, b.db, "eve@example.com")
		eve.SessionID = "ses_eve"
		_, key, err := b.people.CreateAPIKey(access.WithViewer(t.Context(), eve), "eve", nil, "")
		require.NoError(t, err)
		for _, got := range []reply{
			b.do(http.MethodGet, b.path("/files?path=a"), "", "Authorization", "Bearer "+key),
			b.do(http.MethodPost, b.path("/files?path=a"), "x", "Authorization", "Bearer "+key),
			b.do(http.MethodGet, b.path("/archive"), "", "Authorization", "Bearer "+key),
		} {
			require.Equal(t, 404, got.status)
			require.Equal(t, "NOT_FOUND", code(t, got.raw))
			require.NotContains(t, got.raw, "secret")
		}
		_, _, err = b.links.Download(access.WithViewer(t.Context(), eve), filelink.Download{ProjectID: b.project.ID, Path: "a"}, nil)
		require.ErrorContains(t, err, "project not found")
	})
}

func TestLinksStandInForCredentials(t *testing.T) {
	t.Parallel()
	eachFiles(t, func(t *testing.T, b *filesBundle) {
		agent := b.viewer
		agent.SessionID = ""
		ctx := access.WithViewer(t.Context(), agent)
		up, ends, err := b.links.Upload(ctx, filelink.Upload{ProjectID: b.project.ID, Path: "a", Message: "Sent"}, nil)
		require.NoError(t, err)
		require.WithinDuration(t, time.Now().Add(15*time.Minute), ends, time.Minute)
		require.Equal(t, 201, b.do(http.MethodPost, up, "1").status)
		require.Equal(t, 201, b.do(http.MethodPost, up, "1").status, "the same once more does nothing")
		require.Equal(t, 409, b.do(http.MethodPost, up, "2").status)
		require.Equal(t, "1", b.get("a").raw)
		require.Equal(t, 401, b.do(http.MethodGet, up, "").status)

		down, _, err := b.links.Download(ctx, filelink.Download{ProjectID: b.project.ID, Path: "a"}, nil)
		require.NoError(t, err)
		require.Equal(t, "1", b.do(http.MethodGet, down, "").raw)
		require.Equal(t, "1", b.do(http.MethodGet, down, "").raw)
		require.Equal(t, 401, b.do(http.MethodPost, down, "x").status)
		require.Equal(t, 400, b.do(http.MethodGet, down+"&path=b", "").status)
		require.Equal(t, 404, b.do(http.MethodGet, strings.Replace(down, b.project.ID, storetest.Project(t, b.db, b.viewer, "Other").ID, 1), "").status)
		signature, other := strings.LastIndex(down, ".")+1, "A"
		if down[signature] == 'A' {
			other = "B"
		}
		require.Equal(t, 401, b.do(http.MethodGet, down[:signature]+other+down[signature+1:], "").status)
		token := down[strings.Index(down, "token=")+6:]
		require.Equal(t, 401, b.post(object{"query": "{name}"}, "Authorization", "Bearer "+token).status, "it is no access token")
		for _, seconds := range []int{0, 3601} {
			_, _, err := b.links.Download(ctx, filelink.Download{ProjectID: b.project.ID, Path: "a"}, &seconds)
			require.ErrorContains(t, err, "1 to 3600 seconds")
		}
		soon := 1
		down, _, err = b.links.Download(ctx, filelink.Download{ProjectID: b.project.ID, Path: "a"}, &soon)
		require.NoError(t, err)
		require.Eventually(t, func() bool { return b.do(http.MethodGet, down, "").status == 401 }, patience, 100*time.Millisecond)

		down, _, err = b.links.Download(ctx, filelink.Download{ProjectID: b.project.ID, Path: "a"}, nil)
		require.NoError(t, err)
		_, err = b.db.Ent.Membership.Delete().Exec(storetest.Unchecked(t.Context()))
		require.NoError(t, err)
		require.Equal(t, 404, b.do(http.MethodGet, down, "").status, "who is no member any more")
	})
}

func TestArchives(t *testing.T) {
	t.Parallel()
	eachFiles(t, func(t *testing.T, b *filesBundle) {
		text := func(s string) *string { return &s }
		_, err := b.files.Commit(b.ctx, workspace.Main(b.project.ID), workspace.Author{}, "m",
			workspace.Change{Path: "d/run", Content: text("#!/bin/sh\n"), Mode: workspace.Executable},
			workspace.Change{Path: "a", Content: text("\x00raw")},
			workspace.Change{Path: "link", Content: text("d/run"), Mode: workspace.Symlink},
			workspace.Change{Path: "out", Content: text("../../etc/passwd"), Mode: workspace.Symlink},
			workspace.Change{Path: "p/q/up", Content: text("../.."), Mode: workspace.Symlink},
			workspace.Change{Path: "by way", Content: text("p/q/up/../x"), Mode: workspace.Symlink})
		require.NoError(t, err)
		want := map[string]string{"a": "-rw-r--r-- \x00raw", "d/run": "-rwxr-xr-x #!/bin/sh\n", "link": "Lrwxrwxrwx d/run", "p/q/up": "Lrwxrwxrwx ../.."}

		got := b.do(http.MethodGet, b.path("/archive?format=zip"), "", b.with()...)
		require.Equal(t, 200, got.status)
		require.Equal(t, "by%20way, out", got.header.Get("Zeblit-Skipped-Links"))
		require.Equal(t, got.raw, b.do(http.MethodGet, b.path("/archive"), "", b.with()...).raw, "the same bytes each time")
		require.Equal(t, 304, b.do(http.MethodGet, b.path("/archive"), "", b.with("If-None-Match", got.header.Get("ETag"))...).status)
		zipped, err := zip.NewReader(strings.NewReader(got.raw), int64(len(got.raw)))
		require.NoError(t, err)
		found := map[string]string{}
		for _, f := range zipped.File {
			r, err := f.Open()
			require.NoError(t, err)
			content, err := io.ReadAll(r)
			require.NoError(t, err)
			found[f.Name] = f.Mode().String() + " " + string(content)
		}
		require.Equal(t, want, found)

		got = b.do(http.MethodGet, b.path("/archive?format=tar.gz"), "", b.with()...)
		unzipped, err := gzip.NewReader(bytes.NewReader([]byte(got.raw)))
		require.NoError(t, err)
		tarred, found := tar.NewReader(unzipped), map[string]string{}
		for {
			header, err := tarred.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			content, err := io.ReadAll(tarred)
			require.NoError(t, err)
			mode := header.FileInfo().Mode()
			if mode&fs.ModeSymlink != 0 {
				content = []byte(header.Linkname)
			}
			found[header.Name] = mode.String() + " " + string(content)
		}
		require.Equal(t, want, found)
		require.Equal(t, 400, b.do(http.MethodGet, b.path("/archive?format=rar"), "", b.with()...).status)
		require.Equal(t, 404, b.do(http.MethodGet, b.path("/archive?ref=nowhere"), "", b.with()...).status)
		require.Equal(t, 405, b.do(http.MethodPost, b.path("/archive"), "", b.with()...).status)
	})
}

func TestAFullDiskIsSaidAndLeavesNothing(t *testing.T) {
	t.Parallel()
	b := setupFiles(t, storetest.SQLite(t))
	require.Equal(t, 201, b.put("a", "1").status)
	storetest.Bound(t, b.db, 20)
	noise := make([]byte, 1<<20)
	for i := range noise {
		noise[i] = byte(i * i >> 7)
	}
	got := b.put("b", string(noise)+strings.Repeat(string(noise[7:])+"x", 20))
	require.Equal(t, 503, got.status, got.raw)
	require.Equal(t, "UNAVAILABLE", code(t, got.raw))
	require.Equal(t, 404, b.get("b").status)
	require.Equal(t, 201, b.put("a", "2").status)
	require.Equal(t, "2", b.get("a").raw)
}
