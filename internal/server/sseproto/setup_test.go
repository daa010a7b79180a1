package sseproto_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/server/fanout"
	"github.com/zeblit/zeblit/internal/server/limits"
	"github.com/zeblit/zeblit/internal/server/servertest"
	"github.com/zeblit/zeblit/internal/server/sseproto"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen; it measures nothing.
const patience = time.Minute

// readTimeout is the server's, for a request and for an answer. A stream outlives it.
const readTimeout = 5 * time.Second

type testBundle struct {
	t       *testing.T
	schema  *servertest.Schema
	handler *sseproto.Handler
	fanout  *fanout.Fanout
	revoked atomic.Bool
	url     string
	client  *http.Client
}

func setup(t *testing.T, cfg sseproto.Config, extensions ...graphql.HandlerExtension) *testBundle {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Heartbeat == 0 {
		cfg.Heartbeat = time.Hour // streams are compared
	}
	schema, exec := servertest.New()
	exec.Use(limits.Limits{})
	for _, extension := range extensions {
		exec.Use(extension)
	}
	b := &testBundle{t: t, schema: schema}
	b.fanout = fanout.New(fanout.Config{Exec: exec, Logger: cfg.Logger, Interval: 5 * time.Millisecond, MayRead: b.mayRead})
	cfg.Fanout = b.fanout
	handler := sseproto.New(exec, cfg)
	server := httptest.NewUnstartedServer(handler)
	server.Config.ReadTimeout, server.Config.WriteTimeout = readTimeout, readTimeout
	server.Config.IdleTimeout = time.Minute
	server.Start()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		require.NoError(t, handler.Shutdown(ctx))
		server.Close()
		b.fanout.Wait()
	})
	b.handler, b.url, b.client = handler, server.URL, server.Client()
	return b
}

// mayRead says that everybody may, unless all were revoked.
func (b *testBundle) mayRead(_ context.Context, all []access.LogReader) (map[access.LogReader]bool, error) {
	allowed := map[access.LogReader]bool{}
	for _, one := range all {
		allowed[one] = !b.revoked.Load()
	}
	return allowed, nil
}

// ticking makes `ticks` read from a channel that the test feeds.
func (b *testBundle) ticking() chan string {
	ticks := make(chan string)
	b.schema.Ticks = func(context.Context) <-chan string { return ticks }
	return ticks
}

type reply struct {
	t      *testing.T
	status int
	header http.Header
	body   io.ReadCloser
	lines  *bufio.Reader
	cancel context.CancelFunc
}

func (b *testBundle) do(method, target, body string, header ...string) *reply {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	request, err := http.NewRequestWithContext(ctx, method, target, strings.NewReader(body))
	require.NoError(b.t, err)
	for i := 0; i < len(header); i += 2 {
		request.Header.Add(header[i], header[i+1])
	}
	if request.Header.Get("Accept") == "" {
		request.Header.Set("Accept", "text/event-stream")
	}
	resp, err := b.client.Do(request)
	require.NoError(b.t, err)
	b.t.Cleanup(func() { cancel(); _ = resp.Body.Close() })
	return &reply{b.t, resp.StatusCode, resp.Header, resp.Body, bufio.NewReader(resp.Body), cancel}
}

func (b *testBundle) post(query string, header ...string) *reply {
	b.t.Helper()
	body, err := json.Marshal(map[string]any{"query": query})
	require.NoError(b.t, err)
	return b.do(http.MethodPost, b.url, string(body), append(header, "Content-Type", "application/json")...)
}

func (b *testBundle) get(values url.Values, header ...string) *reply {
	b.t.Helper()
	return b.do(http.MethodGet, b.url+"?"+values.Encode(), "", header...)
}

// streaming requires the headers of a stream.
func (r *reply) streaming() *reply {
	r.t.Helper()
	require.Equal(r.t, http.StatusOK, r.status)
	require.Equal(r.t, "text/event-stream; charset=utf-8", r.header.Get("Content-Type"))
	require.Equal(r.t, "no-store", r.header.Get("Cache-Control"))
	require.Equal(r.t, "no", r.header.Get("X-Accel-Buffering"))
	require.Equal(r.t, "Accept", r.header.Get("Vary"))
	return r
}

// block reads the lines up to an empty one, as they were sent; "" at the end.
func (r *reply) block() string {
	r.t.Helper()
	var lines strings.Builder
	for {
		line, err := r.lines.ReadString('\n')
		if err != nil {
			require.ErrorIs(r.t, err, io.EOF, "after %q", lines.String())
			require.Empty(r.t, line+lines.String(), "the stream ends within an event")
			return ""
		}
		if line == "\n" {
			return lines.String()
		}
		lines.WriteString(line)
	}
}

// next reads a `next` event with this data, and returns its id.
func (r *reply) next(want string) (id string) {
	r.t.Helper()
	rest, ok := strings.CutPrefix(r.block(), "event: next\n")
	require.True(r.t, ok, rest)
	if after, ok := strings.CutPrefix(rest, "id: "); ok {
		id, rest, _ = strings.Cut(after, "\n")
	}
	data, ok := strings.CutPrefix(rest, "data: ")
	require.True(r.t, ok, rest)
	require.JSONEq(r.t, want, data)
	return id
}

// nextError reads a `next` event that has nothing but one error.
func (r *reply) nextError() (code, message string) {
	r.t.Helper()
	data, ok := strings.CutPrefix(r.block(), "event: next\ndata: ")
	require.True(r.t, ok, data)
	require.NotContains(r.t, data, `"data"`)
	return r.theError(data)
}

func (r *reply) theError(data string) (code, message string) {
	r.t.Helper()
	var m struct {
		Errors []struct {
			Message    string
			Extensions struct{ Code string }
		}
	}
	require.NoError(r.t, json.Unmarshal([]byte(data), &m), data)
	require.Len(r.t, m.Errors, 1)
	return m.Errors[0].Extensions.Code, m.Errors[0].Message
}

// completed reads the `complete` event and the end.
func (r *reply) completed() {
	r.t.Helper()
	require.Equal(r.t, "event: complete\ndata: \n", r.block())
	require.Empty(r.t, r.block())
}

// cut reads to the end, where no `complete` may be, and returns what was read.
func (r *reply) cut() string {
	r.t.Helper()
	raw, _ := io.ReadAll(r.lines) // the connection may break off
	require.NotContains(r.t, string(raw), "event: complete")
	return string(raw)
}

// refused requires a JSON answer with one error.
func (r *reply) refused(status int, code string) string {
	r.t.Helper()
	raw, err := io.ReadAll(r.lines)
	require.NoError(r.t, err)
	require.Equal(r.t, status, r.status, "%s", raw)
	require.Equal(r.t, "application/json; charset=utf-8", r.header.Get("Content-Type"))
	require.Equal(r.t, "no-store", r.header.Get("Cache-Control"))
	got, message := r.theError(string(raw))
	require.Equal(r.t, code, got)
	return message
}
