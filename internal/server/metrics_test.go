package server_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/identity"
	"github.com/zeblit/zeblit/internal/server"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

func TestMetricsAreForAdmins(t *testing.T) {
	t.Parallel()
	var db *store.DB
	b := setup(t, func(o *server.Options) {
		o.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "zeblit_x_total 1\n") })
		db = o.DB
	})
	people := identity.New(db, identity.Options{SignUpOpen: true, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, people.Start(t.Context()))
	ask := func(credential string) reply {
		var header []string
		if credential != "" {
			header = []string{"Authorization", "Bearer " + credential}
		}
		return b.do(http.MethodGet, "/metrics", "", header...)
	}
	refused := func(status int, what, credential string) {
		got := ask(credential)
		require.Equal(t, status, got.status)
		require.Equal(t, what, code(t, got.raw))
		require.NotContains(t, got.raw, "zeblit_x_total")
		require.Equal(t, "nosniff", got.header.Get("X-Content-Type-Options"))
		require.Equal(t, status == 401, got.header.Get("WWW-Authenticate") != "")
	}
	tokens, err := people.SignUp(t.Context(), "grace@example.com", "correct horse battery", "Grace")
	require.NoError(t, err)
	for _, credential := range []string{"", "nonsense", "zbl_nonsense"} {
		refused(http.StatusUnauthorized, "UNAUTHENTICATED", credential)
	}
	for _, credential := range []string{b.key, tokens.AccessToken} {
		refused(http.StatusForbidden, "FORBIDDEN", credential)
	}
	require.NoError(t, db.Ent.User.Update().SetAdmin(true).Exec(storetest.Unchecked(context.Background())))
	for _, credential := range []string{b.key, tokens.AccessToken} {
		got := ask(credential)
		require.Equal(t, 200, got.status)
		require.Equal(t, "zeblit_x_total 1\n", got.raw)
		require.Equal(t, "nosniff", got.header.Get("X-Content-Type-Options"))
		require.Equal(t, "default-src 'none'; frame-ancestors 'none'", got.header.Get("Content-Security-Policy"))
	}
	got := b.do(http.MethodPost, "/metrics", "", "Authorization", "Bearer "+b.key)
	require.Equal(t, http.StatusMethodNotAllowed, got.status)
}

func TestWithoutMetricsThereIsNoSuchRoute(t *testing.T) {
	t.Parallel()
	require.Equal(t, 404, setup(t, nil).do(http.MethodGet, "/metrics", "").status)
}

func TestGuessesAtTheMetricsAreLimited(t *testing.T) {
	t.Parallel()
	limits := limited(t, 2, 100, 100)
	b := setup(t, func(o *server.Options) {
		limits(o)
		o.Metrics = http.NotFoundHandler()
	})
	for range 2 {
		require.Equal(t, 401, b.do(http.MethodGet, "/metrics", "", "Authorization", "Bearer guess").status)
	}
	b.do(http.MethodGet, "/metrics", "", "Authorization", "Bearer guess").rateLimited(t)
	b.do(http.MethodGet, "/metrics", "").rateLimited(t)
}

func TestTheServerCountsWhatComesThroughItsDoors(t *testing.T) {
	t.Parallel()
	b := setup(t, limited(t, 10, 100, 2))
	b.post(object{"query": "{name}"})
	b.post(object{"query": "{"}, "Accept", grj)
	b.post(object{"query": "{name}"}, "Authorization", "Bearer guess")
	require.Equal(t, [6]int64{2: 1, 4: 2}, b.server.Stats().Answers)

	ws := b.socket("")
	b.over(ws, object{"query": "{name}"})
	b.post(object{"query": "{name}"}, "Accept", events)
	for range 6 { // two answers, a guess, an operation and a stream have gone before
		b.over(ws, object{"query": "{name}"})
	}
	s := b.server.Stats()
	require.Equal(t, []int64{1, 1, 1}, []int64{s.Sockets, s.SocketsOpened, s.StreamsOpened})
	require.Equal(t, []int64{7, 1}, []int64{s.Operations, s.Refused})
	require.NoError(t, ws.Close())
	require.Eventually(t, func() bool {
		s := b.server.Stats()
		return s.Sockets == 0 && s.Streams == 0 && s.SocketsOpened == 1
	}, patience, time.Millisecond)
}
