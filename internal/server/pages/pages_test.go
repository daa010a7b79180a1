package pages_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/server/pages"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	explorerHTML = "<!doctype html><title>Explorer</title>"
	script       = "console.log('zeblit')"
)

func zip(t *testing.T, text string) *fstest.MapFile {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := io.WriteString(w, text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return &fstest.MapFile{Data: b.Bytes()}
}

func built(t *testing.T) fstest.MapFS {
	t.Helper()
	return fstest.MapFS{
		"placeholder.txt":                       {Data: []byte("not to be had")},
		"explorer/start.html.gz":                zip(t, "<!doctype html><title>Zeblit</title>"),
		"explorer/explorer.html.gz":             zip(t, explorerHTML),
		"explorer/device.html.gz":               zip(t, "<!doctype html><title>Device</title>"),
		"explorer/assets/explorer-Ab12.js.gz":   zip(t, script),
		"explorer/assets/explorer-Ab12.css.gz":  zip(t, "body{}"),
		"explorer/assets/codicon-Cd34.ttf.gz":   zip(t, "font"),
		"explorer/assets/mark-Ef56.svg.gz":      zip(t, "<svg/>"),
		"explorer/assets/secret.unknown.gz":     zip(t, "no type"),
		"explorer/assets/deep/inner-Gh78.js.gz": zip(t, "deeper"),
	}
}

// answer is what came back, as it was sent.
type answer struct {
	StatusCode int
	Header     http.Header
	body       []byte
}

// ask sends a request whose path is sent as it is written, without a client's cleaning.
func ask(t *testing.T, h http.Handler, method, target string, headers ...string) answer {
	t.Helper()
	r := httptest.NewRequest(method, "/", nil)
	r.URL.Path, r.URL.RawQuery, _ = strings.Cut(target, "?")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return answer{StatusCode: w.Code, Header: w.Header(), body: w.Body.Bytes()}
}

// text is the body as a client that takes gzip reads it.
func text(t *testing.T, r answer) string {
	t.Helper()
	if r.Header.Get("Content-Encoding") != "gzip" {
		return string(r.body)
	}
	plain, err := gzip.NewReader(bytes.NewReader(r.body))
	require.NoError(t, err)
	raw, err := io.ReadAll(plain)
	require.NoError(t, err)
	return string(raw)
}

func TestPagesAreSentWithTheirPolicy(t *testing.T) {
	t.Parallel()
	h := pages.New(built(t), "1.2.3")
	for path, title := range map[string]string{"/": "Zeblit", "/explorer": "Explorer", "/device": "Device", "/device?code=WDJB-MJHT": "Device"} {
		r := ask(t, h, http.MethodGet, path, "Accept-Encoding", "gzip, br")
		require.Equal(t, http.StatusOK, r.StatusCode, path)
		require.Equal(t, "text/html; charset=utf-8", r.Header.Get("Content-Type"))
		require.Equal(t, "no-cache", r.Header.Get("Cache-Control"))
		require.Equal(t, "Accept-Encoding", r.Header.Get("Vary"))
		require.Equal(t, "gzip", r.Header.Get("Content-Encoding"))
		require.NotEmpty(t, r.Header.Get("Content-Length"))
		policy := r.Header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self';", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
			require.Contains(t, policy, want, path)
		}
		require.NotContains(t, policy, "unsafe-eval")
		require.NotContains(t, policy, "blob:")
		require.Equal(t, path == "/explorer", strings.Contains(policy, "style-src 'self' 'unsafe-inline'"), path)
		require.Contains(t, text(t, r), "<title>"+title+"</title>")
	}
}

func TestScriptsAreNeverAllowedInline(t *testing.T) {
	t.Parallel()
	for name, assets := range map[string]fs.FS{"built": built(t), "not built": fstest.MapFS{}} {
		h := pages.New(assets, "1.2.3")
		for _, path := range []string{"/", "/explorer", "/device", "/explorer/assets/explorer-Ab12.js", "/nothing"} {
			r := ask(t, h, http.MethodGet, path)
			policy := r.Header.Get("Content-Security-Policy")
			require.Contains(t, policy, "default-src 'none'", "%s %s", name, path)
			for directive := range strings.SplitSeq(policy, ";") {
				if strings.HasPrefix(strings.TrimSpace(directive), "script-src") {
					require.Equal(t, "script-src 'self'", strings.TrimSpace(directive), "%s %s", name, path)
				}
			}
		}
	}
}

func TestAssetsStayForever(t *testing.T) {
	t.Parallel()
	h := pages.New(built(t), "1.2.3")
	for name, kind := range map[string]string{
		"explorer-Ab12.js": "text/javascript; charset=utf-8", "explorer-Ab12.css": "text/css; charset=utf-8",
		"codicon-Cd34.ttf": "font/ttf", "mark-Ef56.svg": "image/svg+xml",
	} {
		r := ask(t, h, http.MethodGet, "/explorer/assets/"+name, "Accept-Encoding", "gzip")
		require.Equal(t, http.StatusOK, r.StatusCode, name)
		require.Equal(t, kind, r.Header.Get("Content-Type"))
		require.Equal(t, "public, max-age=31536000, immutable", r.Header.Get("Cache-Control"))
		require.NotEmpty(t, text(t, r))
	}
}

func TestEncodingIsWhatTheClientTakes(t *testing.T) {
	t.Parallel()
	h := pages.New(built(t), "1.2.3")
	tags := map[string]string{}
	for accepted, encoding := range map[string]string{
		"gzip": "gzip", "br, GZIP;q=0.5": "gzip", "*": "gzip", "deflate, *;q=0.1": "gzip", "x-gzip": "gzip",
		"": "", "identity": "", "gzip;q=0": "", "gzip;q=0, *": "", "br": "", "*;q=0": "", "gzip;q=nonsense": "",
	} {
		r := ask(t, h, http.MethodGet, "/explorer/assets/explorer-Ab12.js", "Accept-Encoding", accepted)
		require.Equal(t, encoding, r.Header.Get("Content-Encoding"), accepted)
		require.Equal(t, "Accept-Encoding", r.Header.Get("Vary"))
		require.Equal(t, script, text(t, r), accepted)
		tags[encoding] = r.Header.Get("ETag")
	}
	require.NotEqual(t, tags["gzip"], tags[""], "the two forms are different bytes and need different tags")
}

func TestUnchangedIsNotSentAgain(t *testing.T) {
	t.Parallel()
	h := pages.New(built(t), "1.2.3")
	for _, path := range []string{"/explorer", "/explorer/assets/explorer-Ab12.js"} {
		tag := ask(t, h, http.MethodGet, path).Header.Get("ETag")
		require.NotEmpty(t, tag)
		for _, known := range []string{tag, "W/" + tag, `"other", ` + tag, "*"} {
			r := ask(t, h, http.MethodGet, path, "If-None-Match", known)
			require.Equal(t, http.StatusNotModified, r.StatusCode, known)
			require.Equal(t, tag, r.Header.Get("ETag"))
			require.NotEmpty(t, r.Header.Get("Cache-Control"))
			require.Empty(t, text(t, r))
		}
		require.Equal(t, http.StatusOK, ask(t, h, http.MethodGet, path, "If-None-Match", `"other"`).StatusCode)
	}
	changed := built(t)
	changed["explorer/explorer.html.gz"] = zip(t, explorerHTML+"<p>new")
	require.NotEqual(t, ask(t, h, http.MethodGet, "/explorer").Header.Get("ETag"),
		ask(t, pages.New(changed, "1.2.3"), http.MethodGet, "/explorer").Header.Get("ETag"))
}

func TestHeadHasTheHeadersOnly(t *testing.T) {
	t.Parallel()
	h := pages.New(built(t), "1.2.3")
	for _, path := range []string{"/", "/explorer", "/explorer/assets/explorer-Ab12.js", "/nothing"} {
		get := ask(t, h, http.MethodGet, path, "Accept-Encoding", "gzip")
		head := ask(t, h, http.MethodHead, path, "Accept-Encoding", "gzip")
		require.Equal(t, get.StatusCode, head.StatusCode, path)
		require.Equal(t, get.Header, head.Header, path)
		require.NotEmpty(t, head.Header.Get("Content-Length"))
		require.Empty(t, head.body, path)
	}
}

func TestOtherMethodsAreRefused(t *testing.T) {
	t.Parallel()
	h := pages.New(built(t), "1.2.3")
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions, "BREW"} {
		for _, path := range []string{"/", "/explorer", "/explorer/", "/device", "/explorer/assets/explorer-Ab12.js"} {
			r := ask(t, h, method, path)
			require.Equal(t, http.StatusMethodNotAllowed, r.StatusCode, "%s %s", method, path)
			require.Equal(t, "GET, HEAD", r.Header.Get("Allow"))
		}
		require.Equal(t, http.StatusNotFound, ask(t, h, method, "/nothing").StatusCode)
	}
}

func TestOnlyWhatIsListedIsServed(t *testing.T) {
	t.Parallel()
	h := pages.New(built(t), "1.2.3")
	for _, path := range []string{
		"/nothing", "/placeholder.txt", "/explorer/explorer.html", "/explorer/explorer.html.gz", "/explorer/start.html",
		"/explorer/assets", "/explorer/assets/", "/explorer/assets/.", "/explorer/assets/..", "/explorer/assets/../explorer.html",
		"/explorer/assets/../../placeholder.txt", "/explorer/assets//explorer-Ab12.js", "/explorer/assets/deep/inner-Gh78.js",
		`/explorer/assets/deep\inner-Gh78.js`, "/explorer/assets/..%2fexplorer.html", "/explorer/assets/explorer-Ab12.js.gz",
		"/explorer/assets/secret.unknown", "/explorer/assets/gone-0000.js", "/explorer/assets/explorer-Ab12.js\x00", "/explorer/assets/\xff.js", "",
	} {
		r := ask(t, h, http.MethodGet, path)
		require.Equal(t, http.StatusNotFound, r.StatusCode, "%q", path)
		require.Equal(t, "no-cache", r.Header.Get("Cache-Control"))
		body := text(t, r)
		require.Contains(t, body, "There is nothing here")
		require.NotContains(t, body, "not to be had")
	}
}

func TestTrailingSlashLeadsToThePage(t *testing.T) {
	t.Parallel()
	r := ask(t, pages.New(built(t), "1.2.3"), http.MethodGet, "/device/?code=WDJB-MJHT")
	require.Equal(t, http.StatusPermanentRedirect, r.StatusCode)
	require.Equal(t, "/device?code=WDJB-MJHT", r.Header.Get("Location"))
}

func TestWithoutABuildThePagesSaySo(t *testing.T) {
	t.Parallel()
	h := pages.New(fstest.MapFS{"placeholder.txt": {}}, `1.2.3"<b>`)
	r := ask(t, h, http.MethodGet, "/")
	require.Equal(t, http.StatusOK, r.StatusCode)
	body := text(t, r)
	require.Contains(t, body, "Zeblit 1.2.3&#34;&lt;b&gt;")
	require.Contains(t, body, "/schema.graphql")
	for _, path := range []string{"/explorer", "/device"} {
		r := ask(t, h, http.MethodGet, path)
		require.Equal(t, http.StatusServiceUnavailable, r.StatusCode, path)
		require.Contains(t, r.Header.Get("Content-Security-Policy"), "style-src 'sha256-")
		body := text(t, r)
		require.Contains(t, body, "make build")
		require.Contains(t, body, "Node")
	}
	require.Equal(t, http.StatusNotFound, ask(t, h, http.MethodGet, "/explorer/assets/explorer-Ab12.js").StatusCode)
}

func TestADamagedFileIsNoPage(t *testing.T) {
	t.Parallel()
	assets := built(t)
	assets["explorer/explorer.html.gz"] = &fstest.MapFile{Data: []byte("no gzip")}
	r := ask(t, pages.New(assets, "1.2.3"), http.MethodGet, "/explorer")
	require.Equal(t, http.StatusInternalServerError, r.StatusCode)
}

// counted tells how often a file was opened.
type counted struct {
	fs.FS
	opened *int
}

func (c counted) Open(name string) (fs.File, error) {
	*c.opened++
	return c.FS.Open(name)
}

func TestNothingIsReadBeforeItIsAskedFor(t *testing.T) {
	t.Parallel()
	opened := 0
	h := pages.New(counted{built(t), &opened}, "1.2.3")
	require.Zero(t, opened)
	require.Equal(t, http.StatusOK, ask(t, h, http.MethodGet, "/explorer").StatusCode)
	require.NotZero(t, opened)
}
