package wsproto_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/server/fanout"
	"github.com/zeblit/zeblit/internal/server/limits"
	"github.com/zeblit/zeblit/internal/server/servertest"
	"github.com/zeblit/zeblit/internal/server/wsproto"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen; it measures nothing.
const patience = time.Minute

type testBundle struct {
	t       *testing.T
	schema  *servertest.Schema
	handler *wsproto.Handler
	fanout  *fanout.Fanout
	revoked sync.Map // user ids
	url     string
}

func setup(t *testing.T, cfg wsproto.Config) *testBundle {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	schema, exec := servertest.New()
	exec.Use(limits.Limits{})
	b := &testBundle{t: t, schema: schema}
	b.fanout = fanout.New(fanout.Config{Exec: exec, Logger: cfg.Logger, Interval: 5 * time.Millisecond, MayRead: b.mayRead})
	cfg.Fanout = b.fanout
	handler := wsproto.New(exec, cfg)
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		require.NoError(t, handler.Shutdown(ctx))
		server.Close()
		b.fanout.Wait()
	})
	b.handler, b.url = handler, "ws"+strings.TrimPrefix(server.URL, "http")
	return b
}

// mayRead says that everybody may, except who was revoked.
func (b *testBundle) mayRead(_ context.Context, all []access.LogReader) (map[access.LogReader]bool, error) {
	allowed := map[access.LogReader]bool{}
	for _, one := range all {
		_, revoked := b.revoked.Load(one.UserID)
		allowed[one] = !revoked
	}
	return allowed, nil
}

// ticking makes `ticks` read from a channel that the test feeds.
func (b *testBundle) ticking() chan string {
	ticks := make(chan string)
	b.schema.Ticks = func(context.Context) <-chan string { return ticks }
	return ticks
}

type client struct {
	t  *testing.T
	ws *websocket.Conn
}

func (b *testBundle) dial(header http.Header, subprotocols ...string) *client {
	b.t.Helper()
	dialer := websocket.Dialer{Subprotocols: subprotocols, HandshakeTimeout: patience}
	ws, resp, err := dialer.DialContext(b.t.Context(), b.url, header)
	require.NoError(b.t, err)
	require.NoError(b.t, resp.Body.Close())
	b.t.Cleanup(func() { _ = ws.Close() })
	return &client{b.t, ws}
}

// open is a socket before its init.
func (b *testBundle) open() *client {
	b.t.Helper()
	return b.dial(nil, wsproto.Subprotocol)
}

// ready is a socket after its ack.
func (b *testBundle) ready() *client {
	b.t.Helper()
	c := b.open()
	c.send(`{"type":"connection_init"}`)
	c.receive(`{"type":"connection_ack"}`)
	return c
}

func (c *client) send(text string) {
	c.t.Helper()
	require.NoError(c.t, c.ws.WriteMessage(websocket.TextMessage, []byte(text)))
}

func (c *client) subscribe(id, query string) {
	c.t.Helper()
	payload, err := json.Marshal(map[string]any{"id": id, "type": "subscribe", "payload": map[string]any{"query": query}})
	require.NoError(c.t, err)
	c.send(string(payload))
}

func (c *client) read() (string, error) {
	require.NoError(c.t, c.ws.SetReadDeadline(time.Now().Add(patience)))
	kind, raw, err := c.ws.ReadMessage()
	if err == nil {
		require.Equal(c.t, websocket.TextMessage, kind)
	}
	return string(raw), err
}

func (c *client) receive(want string) {
	c.t.Helper()
	got, err := c.read()
	require.NoError(c.t, err)
	require.JSONEq(c.t, want, got)
}

// receiveError reads an error message for id and returns its one error's code.
func (c *client) receiveError(id string) (code, message string) {
	c.t.Helper()
	got, err := c.read()
	require.NoError(c.t, err)
	var m struct {
		ID, Type string
		Payload  []struct {
			Message    string
			Extensions struct{ Code string }
		}
	}
	require.NoError(c.t, json.Unmarshal([]byte(got), &m), got)
	require.Equal(c.t, "error", m.Type, got)
	require.Equal(c.t, id, m.ID)
	require.Len(c.t, m.Payload, 1)
	return m.Payload[0].Extensions.Code, m.Payload[0].Message
}

// quiet shows that nothing was sent before the answer to a ping.
func (c *client) quiet() {
	c.t.Helper()
	c.send(`{"type":"ping"}`)
	c.receive(`{"type":"pong"}`)
}

// closed reads until the close and checks its code.
func (c *client) closed(code int) string {
	c.t.Helper()
	for {
		_, err := c.read()
		if err == nil {
			continue
		}
		var closed *websocket.CloseError
		require.ErrorAs(c.t, err, &closed)
		require.Equal(c.t, code, closed.Code, closed.Text)
		return closed.Text
	}
}
