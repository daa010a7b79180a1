package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/app"
	"github.com/zeblit/zeblit/internal/client"
	"github.com/zeblit/zeblit/internal/config"
	"github.com/zeblit/zeblit/internal/sandbox/inside"
	"github.com/zeblit/zeblit/internal/sandbox/sandboxtest"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

func TestMain(m *testing.M) {
	if inside.Called(os.Args) {
		os.Exit(inside.Main(os.Args))
	}
	if encoded := os.Getenv(processVariable); encoded != "" {
		os.Exit(runAsProcess(encoded))
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(sandboxtest.Exit),
		// The default transport's idle connections to the servers of the tests.
		goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"),
		goleak.IgnoreTopFunction("internal/poll.runtime_pollWait"))
}

// crewTime is how long a whole crew may take with a plan, and crewLook how often that is looked
// at. It takes 10 to 50 seconds on two busy cores under the race detector, which is all work:
// a hundred calls, commits and merges, and what a look asks is much, too.
const (
	crewTime = 8 * time.Minute
	crewLook = 500 * time.Millisecond
)

// system is a running Zeblit with its owner's key.
type system struct {
	url, key string
	stop     func()
}

// eachDatabase runs test with the configuration of each kind of database.
func eachDatabase(t *testing.T, test func(t *testing.T, cfg config.Config)) {
	t.Helper()
	base := func(t *testing.T) config.Config {
		return config.Config{
			DataDir: t.TempDir(), Addr: "127.0.0.1:0", PublicURL: "http://127.0.0.1", SignUpOpen: true, Introspection: true, DemoPace: -1,
			Runs: config.Runs{Drain: -1}, // hand over at once
		}
	}
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); test(t, base(t)) })
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		cfg := base(t)
		cfg.DatabaseURL = storetest.PostgresURL(t)
		test(t, cfg)
	})
}

func start(t *testing.T, cfg config.Config) *system {
	t.Helper()
	return startLogged(t, cfg, slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelWarn})))
}

func startLogged(t *testing.T, cfg config.Config, logger *slog.Logger) *system {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ready := make(chan app.Ready, 1)
	a, err := app.New(ctx, cfg, app.Options{Logger: logger, Version: "test", OnReady: func(r app.Ready) { ready <- r }})
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- a.Serve(ctx) }()
	s := &system{}
	var once bool
	s.stop = func() {
		if once {
			return
		}
		once = true
		cancel()
		require.NoError(t, <-ended)
		require.NoError(t, a.Close())
		http.DefaultClient.CloseIdleConnections()
	}
	t.Cleanup(s.stop)
	select {
	case r := <-ready:
		s.url = r.URL
	case err := <-ended:
		ended <- err
		require.NoError(t, err)
	}
	s.key = ownerKey(t, cfg)
	return s
}

func ownerKey(t *testing.T, cfg config.Config) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(cfg.DataDir, "owner.json"))
	require.NoError(t, err)
	var owner struct{ APIKey string }
	require.NoError(t, json.Unmarshal(data, &owner))
	return owner.APIKey
}

// freshPostgres is another database for a subtest.
func freshPostgres(t *testing.T) string { t.Helper(); return storetest.PostgresURL(t) }

type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

type object = map[string]any

// nodes takes the nodes out of a connection.
func nodes(connection any) []object {
	var all []object
	for _, edge := range connection.(object)["edges"].([]any) {
		all = append(all, edge.(object)["node"].(object))
	}
	return all
}

// answer is a GraphQL response.
type answer struct {
	Data   object
	Errors []struct {
		Message    string
		Extensions struct{ Code, Field string }
	}
}

func (a answer) code() string {
	if len(a.Errors) == 0 {
		return ""
	}
	return a.Errors[0].Extensions.Code
}

func (s *system) post(t *testing.T, key, query string, variables object) (int, answer) {
	t.Helper()
	body, err := json.Marshal(object{"query": query, "variables": variables})
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/graphql", bytes.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	var a answer
	require.NoError(t, json.Unmarshal(data, &a), "%s", data)
	return resp.StatusCode, a
}

// do posts with the owner's key and expects no error.
func (s *system) do(t *testing.T, query string, variables object) object {
	t.Helper()
	_, a := s.post(t, s.key, query, variables)
	require.Empty(t, a.Errors)
	return a.Data
}

// query posts with the owner's key, for those who read the data themselves.
func (s *system) query(ctx context.Context, query string, variables map[string]any, out any) error {
	c, err := client.New(client.Options{URL: s.url, Key: s.key})
	if err != nil {
		return err
	}
	return c.Do(ctx, query, variables, out)
}

func (s *system) newProject(t *testing.T, name string) string {
	t.Helper()
	data := s.do(t, `mutation($n: String!) { createProject(input: {name: $n}) { project { id } } }`, object{"n": name})
	return data["createProject"].(object)["project"].(object)["id"].(string)
}

func (s *system) send(t *testing.T, project, text string) (runID string) {
	t.Helper()
	return s.sendTo(t, project, "manager", text)
}

func (s *system) sendTo(t *testing.T, project, agent, text string) (runID string) {
	t.Helper()
	data := s.do(t, `mutation($p: ID!, $a: String!, $t: String!) { sendMessage(input: {projectId: $p, agent: $a, text: $t}) { message { id } run { id state } } }`,
		object{"p": project, "a": agent, "t": text})
	return data["sendMessage"].(object)["run"].(object)["id"].(string)
}

const eventsQuery = `subscription($p: ID!, $after: Cursor) { projectEvents(projectId: $p, after: $after) {
  __typename cursor seq at type
  ... on MessageAdded { message { id role status text } }
  ... on MessageDelta { messageId runId offset text }
  ... on MessageCompleted { message { id status text } }
  ... on RunStateChanged { state run { id } }
  ... on ToolCallStarted { toolCall { id name input } }
  ... on ToolCallFinished { toolCall { id name state output } }
  ... on FileChanged { path change revision }
  ... on StreamReset { reason }
} }`

type received struct {
	raw    string
	Type   string `json:"__typename"`
	Cursor string
	Seq    int64
	Text   string
	State  string
	Offset int
	Path   string
}

// watcher is one subscription on a socket of its own.
type watcher struct {
	conn *websocket.Conn
	fail string // what ended it, other than this test
}

func (s *system) watch(t *testing.T, key, project, after string) *watcher {
	t.Helper()
	variables := object{"p": project}
	if after != "" {
		variables["after"] = after
	}
	return s.operate(t, key, eventsQuery, variables)
}

// socketPost is post over a WebSocket.
func (s *system) socketPost(t *testing.T, key, query string, variables object) answer {
	t.Helper()
	w := s.operate(t, key, query, variables)
	defer func() { _ = w.conn.Close() }()
	for {
		require.NoError(t, w.conn.SetReadDeadline(time.Now().Add(time.Minute)))
		var m struct {
			Type    string
			Payload json.RawMessage
		}
		require.NoError(t, w.conn.ReadJSON(&m))
		var a answer
		switch m.Type {
		case "next":
			require.NoError(t, json.Unmarshal(m.Payload, &a))
			return a
		case "error":
			require.NoError(t, json.Unmarshal(m.Payload, &a.Errors))
			return a
		}
	}
}

// operate begins an operation on a socket of its own.
func (s *system) operate(t *testing.T, key, query string, variables object) *watcher {
	t.Helper()
	dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}}
	conn, resp, err := dialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(s.url, "http")+"/graphql", nil)
	require.NoError(t, err)
	_ = resp.Body.Close()
	t.Cleanup(func() { _ = conn.Close() })
	write := func(v any) { require.NoError(t, conn.WriteJSON(v)) }
	init := object{"type": "connection_init"}
	if key != "" {
		init["payload"] = object{"Authorization": "Bearer " + key}
	}
	write(init)
	write(object{"id": "1", "type": "subscribe", "payload": object{"query": query, "variables": variables}})
	return &watcher{conn: conn}
}

// next returns the next event, or false when the stream ended.
func (w *watcher) next(t *testing.T) (received, bool) {
	t.Helper()
	for {
		require.NoError(t, w.conn.SetReadDeadline(time.Now().Add(time.Minute)))
		var m struct {
			Type    string
			Payload json.RawMessage
		}
		if err := w.conn.ReadJSON(&m); err != nil {
			w.fail = err.Error()
			return received{}, false
		}
		switch m.Type {
		case "next":
			var p struct {
				Data struct{ ProjectEvents json.RawMessage }
			}
			require.NoError(t, json.Unmarshal(m.Payload, &p))
			require.NotEmpty(t, p.Data.ProjectEvents, "%s", m.Payload)
			e := received{raw: string(p.Data.ProjectEvents)}
			require.NoError(t, json.Unmarshal(p.Data.ProjectEvents, &e))
			return e, true
		case "error", "complete":
			w.fail = string(m.Payload)
			return received{}, false
		}
	}
}

// untilEnd reads events up to the end of a run.
func (w *watcher) untilEnd(t *testing.T) []received {
	t.Helper()
	var all []received
	for {
		e, ok := w.next(t)
		require.True(t, ok, "the stream ended: %s", w.fail)
		all = append(all, e)
		if e.Type == "RunStateChanged" && e.State != "QUEUED" && e.State != "RUNNING" {
			return all
		}
	}
}
