package server_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/console"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/server"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/stream/memory"
)

func TestPagesOfAllOriginsReportTheirConsole(t *testing.T) {
	t.Parallel()
	var service *console.Service
	var refuse error
	b := setup(t, func(o *server.Options) {
		service = console.New(console.Options{
			DB: o.DB, Log: stream.NewLog(o.DB, memory.New(), o.Logger), Logger: o.Logger,
			Limit: func(context.Context, string, string) error { return refuse },
		})
		o.Console = service
		o.AllowedOrigins = []string{"https://console.example"}
	})
	owner := access.WithViewer(t.Context(), b.viewer)
	p := storetest.Project(t, service.DB, b.viewer, "P")
	k, err := service.Rotate(owner, p.ID)
	require.NoError(t, err)
	entries := func() []*ent.ConsoleEntry {
		found, _, err := service.Entries(owner, p.ID, console.Filter{}, 100)
		require.NoError(t, err)
		return found
	}
	path := "/api/v1/console?key=" + k.Key

	script := b.do(http.MethodGet, "/api/v1/console.js?key="+k.Key, "", "Origin", "https://app.example")
	require.Equal(t, http.StatusOK, script.status)
	require.Equal(t, console.Script(), script.raw)
	require.Equal(t, "text/javascript; charset=utf-8", script.header.Get("Content-Type"))
	require.Equal(t, "cross-origin", script.header.Get("Cross-Origin-Resource-Policy"))
	require.Equal(t, http.StatusMethodNotAllowed, b.do(http.MethodPost, "/api/v1/console.js", "").status)

	// What a browser sends without asking first, and what it asks.
	sent := b.do(http.MethodPost, path, `{"session":"s","later":1,"entries":[{"level":"error","text":"boom","stack":"at f (a.js:1:2)","uncaught":true},{"level":"warning","text":"hm"}]}`,
		"Origin", "https://app.example", "Content-Type", "text/plain;charset=UTF-8", "User-Agent", "Browser/2")
	require.Equal(t, http.StatusNoContent, sent.status, sent.raw)
	require.Equal(t, "*", sent.header.Get("Access-Control-Allow-Origin"))
	require.Empty(t, sent.header.Get("Access-Control-Allow-Credentials"))
	asked := b.do(http.MethodOptions, path, "", "Origin", "https://app.example", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization")
	require.Equal(t, http.StatusNoContent, asked.status)
	require.Equal(t, "*", asked.header.Get("Access-Control-Allow-Origin"))
	require.Contains(t, asked.header.Get("Access-Control-Allow-Headers"), "Authorization")
	require.Equal(t, http.StatusNoContent, b.do(http.MethodPost, "/api/v1/console", `{"entries":[{"text":"third"}]}`, "Authorization", "Bearer "+k.Key).status)

	found := entries()
	require.Len(t, found, 3)
	require.Equal(t, []string{"ERROR boom Browser/2", "WARN hm Browser/2"}, []string{
		string(found[0].Level) + " " + found[0].Text + " " + found[0].UserAgent, string(found[1].Level) + " " + found[1].Text + " " + found[1].UserAgent,
	})

	// No other door is open to other origins.
	for _, other := range []string{"/graphql", "/api/v1/health", "/api/v1/console/", "/api/v1/consoles"} {
		require.Empty(t, b.do(http.MethodGet, other, "", "Origin", "https://app.example").header.Get("Access-Control-Allow-Origin"), other)
	}
	require.Equal(t, http.StatusForbidden, b.do(http.MethodOptions, "/graphql", "", "Origin", "https://app.example", "Access-Control-Request-Method", "POST").status)

	refused := func(status int, path, body string, header ...string) reply {
		t.Helper()
		got := b.do(http.MethodPost, path, body, append(header, "Origin", "https://app.example")...)
		require.Equal(t, status, got.status, got.raw)
		require.Equal(t, "*", got.header.Get("Access-Control-Allow-Origin"))
		return got
	}
	one := `{"entries":[{"text":"x"}]}`
	refused(http.StatusUnauthorized, "/api/v1/console", one)
	refused(http.StatusUnauthorized, "/api/v1/console", one, "Authorization", "Bearer "+b.key) // a person's is none of these
	refused(http.StatusBadRequest, path, "nonsense")
	refused(http.StatusBadRequest, path, `{"entries":[`+strings.Repeat(`{"text":"x"},`, 100)+`{"text":"x"}]}`)
	refused(http.StatusBadRequest, path, `{"entries":[{"text":"`+strings.Repeat("x", 2<<20)+`"}]}`)
	require.Equal(t, http.StatusMethodNotAllowed, b.do(http.MethodGet, path, "").status)
	refuse = &problem.Error{Code: problem.RateLimited, Message: "slowly", RetryAfter: 3 * time.Second}
	require.Equal(t, "3", refused(http.StatusTooManyRequests, path, one).header.Get("Retry-After"))
	require.Len(t, entries(), 3)
}
