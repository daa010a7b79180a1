package server_test

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/server"
)

func TestEveryAnswerHasTheSecurityHeaders(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *server.Options) { o.AllowedOrigins = []string{"https://app.example"} })
	answers := map[string]reply{
		"200":             b.post(object{"query": "{name}"}),
		"400":             b.post(object{}),
		"401":             b.post(object{"query": "{name}"}, "Authorization", "Bearer nonsense"),
		"404":             b.do(http.MethodGet, "/nothing/here", ""),
		"405":             b.do(http.MethodPut, "/graphql", ""),
		"405 of a health": b.do(http.MethodPost, "/health", ""),
		"406":             b.post(object{"query": "{name}"}, "Accept", "text/html"),
		"415":             b.do(http.MethodPost, "/graphql", "x", "Content-Type", "text/plain"),
		"redirected path": b.do(http.MethodGet, "//health", ""),
		"a stream":        b.post(object{"query": "{name}"}, "Accept", events),
		"a preflight":     b.do(http.MethodOptions, "/graphql", "", "Origin", "https://app.example", "Access-Control-Request-Method", "POST"),
		"another's":       b.do(http.MethodOptions, "/graphql", "", "Origin", "https://evil.example", "Access-Control-Request-Method", "POST"),
		"the start page":  b.do(http.MethodGet, "/", ""),
		"the schema":      b.do(http.MethodGet, "/schema.graphql", ""),
		"health":          b.do(http.MethodGet, "/api/v1/health", ""),
	}
	_, resp := b.dial(http.Header{"Origin": {"https://evil.example"}})
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusForbidden, resp.StatusCode)
	answers["an upgrade's refusal"] = reply{header: resp.Header}
	answers["for the whole server"] = reply{header: b.optionsOfAll()}
	for name, got := range answers {
		for header, want := range map[string]string{
			"Content-Security-Policy":      "default-src 'none'; frame-ancestors 'none'",
			"X-Content-Type-Options":       "nosniff",
			"Referrer-Policy":              "no-referrer",
			"Cross-Origin-Opener-Policy":   "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin",
			"X-Frame-Options":              "DENY",
		} {
			require.Equal(t, []string{want}, got.header.Values(header), "%s of %s", header, name)
		}
		require.Contains(t, got.header.Get("Permissions-Policy"), "camera=()", name)
		require.Regexp(t, `^req_[0-9a-z]{26}$`, got.header.Get("X-Request-Id"), name)
		require.Empty(t, got.header.Get("Strict-Transport-Security"), name)
		require.Contains(t, got.header.Values("Vary"), "Origin", name)
	}
}

// optionsOfAll asks "OPTIONS *", which http.Client can't.
func (b *testBundle) optionsOfAll() http.Header {
	b.t.Helper()
	conn, err := new(net.Dialer).DialContext(b.t.Context(), "tcp", b.addr)
	require.NoError(b.t, err)
	defer func() { _ = conn.Close() }()
	_, err = io.WriteString(conn, "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	require.NoError(b.t, err)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(b.t, err)
	require.NoError(b.t, resp.Body.Close())
	return resp.Header
}

func TestAPanicOutsideTheTransportsIsLogged(t *testing.T) {
	t.Parallel()
	log := make(lines, 8) // more than are written
	b := setup(t, func(o *server.Options) {
		o.Logger = slog.New(slog.NewTextHandler(log, nil))
		o.Pages = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("broken page") })
	})
	_, err := b.client.Get(b.url + "/") //nolint:bodyclose,noctx // there is none
	require.ErrorIs(t, err, io.EOF)
	line := <-log
	require.Contains(t, line, "level=ERROR")
	require.Contains(t, line, "broken page")
	require.Contains(t, line, "headers_test.go", "its stack")
}

// lines are what a log has written.
type lines chan string

func (l lines) Write(line []byte) (int, error) {
	l <- string(line)
	return len(line), nil
}

func TestHSTSUnderTLS(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *server.Options) { o.PublicURL = "https://zeblit.example" })
	require.Equal(t, "max-age=31536000", b.do(http.MethodGet, "/nothing", "").header.Get("Strict-Transport-Security"))
}

func TestPagesServeTheRestAndSayWhatTheyNeed(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *server.Options) {
		o.Pages = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Security-Policy", "default-src 'self'")
			_, _ = w.Write([]byte("page " + r.URL.Path))
		})
	})
	for _, path := range []string{"/", "/explorer", "/explorer/x", "/device", "/assets/a.js"} {
		got := b.do(http.MethodGet, path, "")
		require.Equal(t, "page "+path, got.raw)
		require.Equal(t, []string{"default-src 'self'"}, got.header.Values("Content-Security-Policy"))
	}
	got := b.do(http.MethodDelete, "/health", "")
	require.Equal(t, http.StatusMethodNotAllowed, got.status)
	require.Equal(t, "GET, HEAD", got.header.Get("Allow"))
	require.Equal(t, 200, b.do(http.MethodHead, "/health", "").status)
}

func TestCORSIsAListOfOrigins(t *testing.T) {
	t.Parallel()
	const app, evil = "https://app.example", "https://evil.example"
	b := setup(t, func(o *server.Options) { o.AllowedOrigins = []string{app} })
	preflight := func(origin string) reply {
		return b.do(http.MethodOptions, "/graphql", "", "Origin", origin, "Access-Control-Request-Method", "POST",
			"Access-Control-Request-Headers", "authorization, content-type, last-event-id")
	}
	got := preflight(app)
	require.Equal(t, http.StatusNoContent, got.status)
	require.Equal(t, app, got.header.Get("Access-Control-Allow-Origin"))
	require.Equal(t, "GET, POST", got.header.Get("Access-Control-Allow-Methods"))
	require.Equal(t, "Authorization, Content-Type, Accept, Last-Event-ID, If-Match, If-None-Match, Range, Idempotency-Key", got.header.Get("Access-Control-Allow-Headers"))
	require.Empty(t, got.header.Get("Access-Control-Allow-Credentials"), "there are no cookies")

	got = b.post(object{"query": "{name}"}, "Origin", app)
	require.Equal(t, app, got.header.Get("Access-Control-Allow-Origin"))
	require.Equal(t, "Retry-After, X-Request-Id, ETag, Accept-Ranges, Content-Range, Content-Disposition, Zeblit-Commit, Zeblit-Skipped-Links", got.header.Get("Access-Control-Expose-Headers"))
	got = b.post(object{"query": "{name}"}, "Origin", app, "Authorization", "Bearer nonsense")
	require.Equal(t, app, got.header.Get("Access-Control-Allow-Origin"), "a page may read why")

	for _, got := range []reply{preflight(evil), preflight("null"), b.post(object{"query": "{name}"}, "Origin", evil)} {
		for header := range got.header {
			require.NotContains(t, header, "Access-Control-")
		}
	}
	require.Equal(t, http.StatusForbidden, preflight(evil).status)
}

func TestOptionsSaysTheMethods(t *testing.T) {
	t.Parallel()
	got := setup(t, nil).do(http.MethodOptions, "/graphql", "")
	require.Equal(t, http.StatusNoContent, got.status)
	require.Equal(t, "GET, POST, OPTIONS", got.header.Get("Allow"))
}
