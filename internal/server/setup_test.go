package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/identity"
	"github.com/zeblit/zeblit/internal/server"
	"github.com/zeblit/zeblit/internal/server/servertest"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen; it measures nothing.
const patience = time.Minute

const (
	plain  = "application/json"
	grj    = "application/graphql-response+json"
	events = "text/event-stream"
)

type object = map[string]any

// testBundle is a whole server over the scripted schema, with one person in it.
type testBundle struct {
	t      *testing.T
	schema *servertest.Schema
	server *server.Server
	web    *http.Server
	db     *store.DB
	people *identity.Service
	viewer access.Viewer
	key    string // the person's API key
	addr   string
	url    string
	client *http.Client
}

func setup(t *testing.T, change func(*server.Options)) *testBundle {
	t.Helper()
	return setupOn(t, storetest.SQLite(t), change)
}

func setupOn(t *testing.T, db *store.DB, change func(*server.Options)) *testBundle {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	people := identity.New(db, identity.Options{Logger: logger})
	require.NoError(t, people.Start(t.Context()))
	viewer := storetest.User(t, db, "ada@example.com")
	viewer.SessionID = "ses_test" // a person's own, who may make keys
	_, key, err := people.CreateAPIKey(access.WithViewer(t.Context(), viewer), "test", nil, "")
	require.NoError(t, err)

	schema, exec := servertest.New()
	o := server.Options{
		Exec: exec, DB: db, Identity: people, SDL: servertest.SDL, Version: "test", Provider: "demo", Demo: true,
		Introspection: true, PublicURL: "http://127.0.0.1", Logger: logger,
	}
	if change != nil {
		change(&o)
	}
	server.Protect(exec, o.Introspection)
	s := server.New(o)
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	web := server.HTTPServer(s.Handler(), logger)
	ended := make(chan error, 1)
	go func() { ended <- web.Serve(listener) }()
	transport := &http.Transport{}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		transport.CloseIdleConnections()
		require.NoError(t, s.Shutdown(ctx, web))
		require.ErrorIs(t, <-ended, http.ErrServerClosed)
	})
	addr := listener.Addr().String()
	return &testBundle{t, schema, s, web, db, people, viewer, key, addr, "http://" + addr, &http.Client{Transport: transport}}
}

type reply struct {
	status int
	header http.Header
	raw    string
}

// start sends a request and leaves the body to be read.
func (b *testBundle) start(method, path string, body io.Reader, header ...string) *http.Response {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	request, err := http.NewRequestWithContext(ctx, method, b.url+path, body)
	require.NoError(b.t, err)
	for i := 0; i < len(header); i += 2 {
		request.Header.Add(header[i], header[i+1])
	}
	resp, err := b.client.Do(request)
	require.NoError(b.t, err)
	b.t.Cleanup(func() { cancel(); _ = resp.Body.Close() })
	return resp
}

func (b *testBundle) do(method, path, body string, header ...string) reply {
	b.t.Helper()
	resp := b.start(method, path, strings.NewReader(body), header...) //nolint:bodyclose // start's cleanup does
	raw, err := io.ReadAll(resp.Body)
	require.NoError(b.t, err)
	return reply{resp.StatusCode, resp.Header, string(raw)}
}

// post sends a request to the endpoint; its body is request as JSON.
func (b *testBundle) post(request object, header ...string) reply {
	b.t.Helper()
	return b.do(http.MethodPost, "/graphql", jsonOf(b.t, request), append(header, "Content-Type", plain)...)
}

func jsonOf(t *testing.T, value any) string {
	t.Helper()
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	require.NoError(t, encoder.Encode(value))
	return strings.TrimSpace(out.String())
}

// code is that of the first error in a response, "" when there is none.
func code(t *testing.T, raw string) string {
	t.Helper()
	var body struct {
		Errors []struct{ Extensions struct{ Code string } }
	}
	require.NoError(t, json.Unmarshal([]byte(raw), &body), raw)
	if len(body.Errors) == 0 {
		return ""
	}
	return body.Errors[0].Extensions.Code
}

// dial opens a socket; the response is that of a refusal.
func (b *testBundle) dial(header http.Header) (*websocket.Conn, *http.Response) {
	b.t.Helper()
	dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}, HandshakeTimeout: patience}
	ws, resp, err := dialer.DialContext(b.t.Context(), "ws://"+b.addr+"/graphql", header)
	if err != nil {
		require.NotNil(b.t, resp, "%v", err)
		return nil, resp
	}
	b.t.Cleanup(func() { _ = ws.Close() })
	require.NoError(b.t, ws.SetReadDeadline(time.Now().Add(patience)))
	return ws, resp
}

// socket opens one with the key ("" is nobody) and waits for the ack.
func (b *testBundle) socket(key string) *websocket.Conn {
	b.t.Helper()
	ws, resp := b.dial(nil)
	require.NoError(b.t, resp.Body.Close())
	require.NotNil(b.t, ws)
	b.initialise(ws, key)
	_, raw, err := ws.ReadMessage()
	require.NoError(b.t, err)
	require.JSONEq(b.t, `{"type":"connection_ack"}`, string(raw))
	return ws
}

func (b *testBundle) initialise(ws *websocket.Conn, key string) {
	b.t.Helper()
	payload := object{}
	if key != "" {
		payload["Authorization"] = "Bearer " + key
	}
	require.NoError(b.t, ws.WriteJSON(object{"type": "connection_init", "payload": payload}))
}

// over sends a request through a socket and returns its first result or error as a
// response.
func (b *testBundle) over(ws *websocket.Conn, request object) string {
	b.t.Helper()
	require.NoError(b.t, ws.WriteMessage(websocket.TextMessage, []byte(jsonOf(b.t, object{"id": "1", "type": "subscribe", "payload": request}))))
	var m struct {
		Type    string
		Payload json.RawMessage
	}
	require.NoError(b.t, ws.ReadJSON(&m))
	if m.Type == "error" {
		return `{"errors":` + string(m.Payload) + `}`
	}
	var complete object
	require.NoError(b.t, ws.ReadJSON(&complete))
	require.Equal(b.t, "complete", complete["type"])
	return string(m.Payload)
}

// event takes the data out of a stream's first event.
func event(t *testing.T, raw string) string {
	t.Helper()
	_, after, found := strings.Cut(raw, "data: ")
	require.True(t, found, raw)
	data, _, _ := strings.Cut(after, "\n")
	return data
}
