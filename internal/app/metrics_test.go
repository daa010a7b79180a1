package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/app"
	"github.com/zeblit/zeblit/internal/config"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

// get asks for a page, with a key unless that is empty.
func get(t *testing.T, url, key string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(data)
}

func TestATakeOverShowsInTheMetrics(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, cfg config.Config) {
		model := llmtest.NewServer(t,
			llmtest.Reply{llmtest.Say("I begin"), llmtest.Hang()},
			llmtest.Reply{llmtest.Say("Again"), llmtest.Hang()})
		cfg.AnthropicKey, cfg.AnthropicBaseURL = "key", model.AnthropicURL()
		s, kill := process(t, cfg)
		project := s.newProject(t, "Killed")
		w := s.watch(t, s.key, project, "start")
		s.send(t, project, "Build a to-do list page")
		for seen := ""; seen != "MessageDelta"; {
			e, ok := w.next(t)
			require.True(t, ok, w.fail)
			seen = e.Type
		}
		kill()

		s = start(t, cfg)
		var text string
		require.Eventually(t, func() bool {
			var status int
			status, text = get(t, s.url+"/metrics", s.key)
			require.Equal(t, 200, status)
			return strings.Contains(text, "\nzeblit_run_takeovers_total 1\n") && strings.Contains(text, "\nzeblit_worker_runs 1\n") &&
				strings.Contains(text, "\nzeblit_runs{") // which a database that is slow leaves out
		}, time.Minute, 50*time.Millisecond)
		for _, line := range []string{
			`zeblit_build_info{version="test"} 1`, `zeblit_runs{state="RUNNING"} 1`, `zeblit_runs{state="QUEUED"} 0`,
			`zeblit_worker_slots 100`, `zeblit_run_stale_writes_refused_total 0`, `zeblit_run_leases_lost_total 0`,
			`zeblit_run_repairs_total 0`, `zeblit_run_overdue_total 0`, `zeblit_connections{door="websocket"} 0`,
			`zeblit_connections{door="events"} 0`, `zeblit_http_requests_total{code="2xx"} 0`,
		} {
			require.Contains(t, text, "\n"+line+"\n")
		}
		for _, name := range []string{"zeblit_run_claims_total", "go_goroutines", "process_cpu_seconds_total"} {
			require.Contains(t, text, "\n"+name+" ")
		}
		_, anonymous := get(t, s.url+"/metrics", "")
		require.NotContains(t, anonymous, "zeblit_run")
	})
}

// urls finds what the log says of where the metrics are.
type urls struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (u *urls) Write(p []byte) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.text.Write(p)
}

func (u *urls) metrics(t *testing.T) (found string) {
	t.Helper()
	u.mu.Lock()
	defer u.mu.Unlock()
	for line := range strings.Lines(u.text.String()) {
		var l struct{ Msg, URL string }
		require.NoError(t, json.Unmarshal([]byte(line), &l), line)
		if strings.HasPrefix(l.Msg, "the metrics are shown") {
			found = l.URL
		}
	}
	return found
}

func TestAWorkerShowsItsMetricsOnAListenerOfTheirOwn(t *testing.T) {
	t.Parallel()
	cfg := config.Config{
		DataDir: t.TempDir(), Addr: "127.0.0.1:0", MetricsAddr: "127.0.0.1:0", DatabaseURL: storetest.PostgresURL(t),
		DemoPace: -1, Runs: config.Runs{Slots: 7, Drain: -1},
	}
	log := &urls{}
	ctx, cancel := context.WithCancel(t.Context())
	a, err := app.New(ctx, cfg, app.Options{Logger: slog.New(slog.NewJSONHandler(log, nil)), Version: "test"})
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- a.Worker(ctx) }()
	url := ""
	require.Eventually(t, func() bool { url = log.metrics(t); return url != "" }, time.Minute, 5*time.Millisecond)
	status, text := get(t, url, "")
	require.Equal(t, 200, status)
	require.Contains(t, text, "\nzeblit_worker_slots 7\n")
	status, _ = get(t, strings.TrimSuffix(url, "/metrics")+"/graphql", "")
	require.Equal(t, 404, status)
	http.DefaultClient.CloseIdleConnections()
	cancel()
	require.NoError(t, <-ended)
	require.NoError(t, a.Close())

	cfg.MetricsAddr = "192.0.2.1:1" // an address of nobody
	a, err = app.New(t.Context(), cfg, app.Options{Logger: slog.New(slog.DiscardHandler), Version: "test"})
	require.NoError(t, err)
	require.ErrorContains(t, a.Worker(t.Context()), "listen for the metrics")
	require.NoError(t, a.Close())
}
