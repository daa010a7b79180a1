package server_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/ratelimit"
	"github.com/zeblit/zeblit/internal/server"
)

// limited makes limits that don't refill while a test runs.
func limited(t *testing.T, requests, connects, sockets int) func(*server.Options) {
	t.Helper()
	limiter, err := ratelimit.NewMemory(slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	return func(o *server.Options) {
		o.Limiter = limiter
		o.Requests = ratelimit.Rate{Count: requests, Per: 24 * time.Hour}
		o.Connects = ratelimit.Rate{Count: connects, Per: 24 * time.Hour}
		o.SocketsPerUser = sockets
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	}
}

func (r reply) rateLimited(t *testing.T) {
	t.Helper()
	require.Equal(t, http.StatusTooManyRequests, r.status, r.raw)
	require.NotEmpty(t, r.header.Get("Retry-After"))
	require.NotEqual(t, "0", r.header.Get("Retry-After"))
	require.Equal(t, "RATE_LIMITED", code(t, r.raw))
}

func TestRequestsAreCountedByViewerOrAddress(t *testing.T) {
	t.Parallel()
	b := setup(t, limited(t, 3, 100, 100))
	request, mine := object{"query": "{name}"}, []string{"Authorization", "Bearer " + b.key}
	for _, accept := range []string{plain, grj, events} { // all doors count in one
		require.Equal(t, 200, b.post(request, append(mine, "Accept", accept)...).status)
	}
	for _, accept := range []string{plain, grj, events} {
		b.post(request, append(mine, "Accept", accept)...).rateLimited(t)
	}
	b.do(http.MethodGet, "/graphql?query={name}", "", append(mine, "X-Forwarded-For", "192.0.2.9")...).rateLimited(t)

	for range 2 {
		require.Equal(t, 200, b.post(request, "X-Forwarded-For", "192.0.2.1").status)
	}
	require.Equal(t, 401, b.post(request, "X-Forwarded-For", "192.0.2.1", "Authorization", "Bearer guess").status)
	b.post(request, "X-Forwarded-For", "192.0.2.1").rateLimited(t)
	b.post(request, "X-Forwarded-For", "192.0.2.1", "Authorization", "Bearer guess").rateLimited(t)
	require.Equal(t, 200, b.post(request, "X-Forwarded-For", "192.0.2.2").status)
	require.Equal(t, 200, b.do(http.MethodGet, "/health", "").status)
}

func TestOperationsOfASocketAreRequests(t *testing.T) {
	t.Parallel()
	b := setup(t, limited(t, 2, 100, 100))
	socket := b.socket(b.key)
	for range 2 {
		require.Empty(t, code(t, b.over(socket, object{"query": "{name}"})))
	}
	raw := b.over(socket, object{"query": "{name}"})
	require.Equal(t, "RATE_LIMITED", code(t, raw))
	require.Contains(t, raw, "retryAfter")
	b.post(object{"query": "{name}"}, "Authorization", "Bearer "+b.key).rateLimited(t)
}

func TestConnectsAreCountedByAddressBeforeTheUpgrade(t *testing.T) {
	t.Parallel()
	b := setup(t, limited(t, 100, 2, 100))
	b.socket("")
	require.Equal(t, 200, b.post(object{"query": "{name}"}, "Accept", events, "Authorization", "Bearer "+b.key).status)
	_, resp := b.dial(nil)
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	reply{resp.StatusCode, resp.Header, string(raw)}.rateLimited(t)
	b.post(object{"query": "{name}"}, "Accept", events).rateLimited(t)
	require.Equal(t, 200, b.post(object{"query": "{name}"}).status)
	ws, resp := b.dial(http.Header{"X-Forwarded-For": {"192.0.2.7"}})
	require.NoError(t, resp.Body.Close())
	require.NotNil(t, ws)
}

func TestSocketsAndStreamsShareOnePersonsSeats(t *testing.T) {
	t.Parallel()
	b := setup(t, limited(t, 100_000, 100_000, 2))
	b.schema.Ticks = func(context.Context) <-chan string { return nil }
	stream := func() *http.Response {
		return b.start(http.MethodPost, "/graphql", strings.NewReader(`{"query":"subscription{ticks}"}`),
			"Content-Type", plain, "Accept", events, "Authorization", "Bearer "+b.key)
	}
	first := stream()
	require.Equal(t, 200, first.StatusCode)
	second := b.socket(b.key)
	over := stream() //nolint:bodyclose // start's cleanup does
	require.Equal(t, http.StatusTooManyRequests, over.StatusCode)
	require.Equal(t, "5", over.Header.Get("Retry-After"))

	ws, resp := b.dial(nil)
	require.NoError(t, resp.Body.Close())
	b.initialise(ws, b.key)
	_, _, err := ws.ReadMessage()
	var closed *websocket.CloseError
	require.ErrorAs(t, err, &closed)
	require.Equal(t, 4510, closed.Code, "clients try it again")
	require.Equal(t, "Too many open connections: try again later", closed.Text)
	b.socket("") // others have seats of their own

	require.NoError(t, first.Body.Close())
	require.NoError(t, second.Close())
	require.Eventually(t, func() bool {
		a, b := stream(), stream() //nolint:bodyclose // start's cleanup does
		defer func() { _, _ = a.Body.Close(), b.Body.Close() }()
		return a.StatusCode == 200 && b.StatusCode == 200
	}, patience, 20*time.Millisecond)
}

func TestWithoutALimiterNothingIsCounted(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *server.Options) {
		o.Requests, o.Connects = ratelimit.Rate{Count: 1, Per: time.Hour}, ratelimit.Rate{Count: 1, Per: time.Hour}
	})
	for range 5 {
		require.Equal(t, 200, b.post(object{"query": "{name}"}, "Accept", events).status)
	}
}
