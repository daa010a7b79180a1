package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeServer answers POST with answers in turn, and serves a log of events, cutting the
// connection after every cutAfter of them.
type fakeServer struct {
	mu       sync.Mutex
	answers  []string
	requests []string

	events    int
	cutAfter  int
	closeCode int    // sent instead of an acknowledgement
	refusal   string // sent instead of events: the error of a GraphQL answer
	troubled  int    // the number of the event that is sent as null, with the error trouble
	trouble   string
	sockets   int
}

func (f *fakeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if websocket.IsWebSocketUpgrade(r) {
		f.socket(w, r)
		return
	}
	body, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, r.Header.Get("Authorization")+" "+string(body))
	answer := f.answers[0]
	f.answers = f.answers[1:]
	if answer == "cut" {
		panic(http.ErrAbortHandler)
	}
	_, _ = io.WriteString(w, answer)
}

func (f *fakeServer) socket(w http.ResponseWriter, r *http.Request) {
	up := websocket.Upgrader{Subprotocols: []string{"graphql-transport-ws"}}
	conn, err := up.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	f.mu.Lock()
	f.sockets++
	f.mu.Unlock()
	var init struct {
		Payload struct{ Authorization string }
	}
	_ = conn.ReadJSON(&init)
	if f.closeCode != 0 || init.Payload.Authorization != "Bearer key" {
		_ = conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(f.closeCode, "no"), time.Now().Add(time.Second))
		return
	}
	_ = conn.WriteJSON(map[string]any{"type": "ping"})
	_ = conn.WriteJSON(map[string]any{"type": "connection_ack"})
	var in struct {
		Type, ID string
		Payload  struct{ Variables struct{ After string } }
	}
	for in.Type != "subscribe" { // the pong may come before
		if conn.ReadJSON(&in) != nil {
			return
		}
	}
	if f.refusal != "" {
		_ = conn.WriteJSON(map[string]any{"type": "error", "id": in.ID, "payload": json.RawMessage("[" + f.refusal + "]")})
		return
	}
	first := 0
	_, _ = fmt.Sscanf(in.Payload.Variables.After, "c%d", &first)
	for n := first + 1; n <= f.events; n++ {
		if n-first > f.cutAfter {
			return
		}
		if n == f.troubled {
			_ = conn.WriteJSON(map[string]any{"type": "next", "id": in.ID, "payload": json.RawMessage(`{"data":{"event":null},"errors":[` + f.trouble + `]}`)})
			continue
		}
		_ = conn.WriteJSON(map[string]any{"type": "next", "id": in.ID, "payload": map[string]any{"data": map[string]any{
			"event": map[string]any{"__typename": "MessageDelta", "cursor": fmt.Sprintf("c%d", n), "seq": n, "text": "x"},
		}}})
	}
	_, _, _ = conn.ReadMessage()
}

func start(t *testing.T, f *fakeServer, o client.Options) *client.Client {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	o.URL, o.Key = server.URL, "key"
	c, err := client.New(o)
	require.NoError(t, err)
	return c
}

func TestEventsGoOnWhereTheyWereCut(t *testing.T) {
	f := &fakeServer{events: 5, cutAfter: 2}
	c := start(t, f, client.Options{})
	var seqs []int64
	err := c.ProjectEvents(context.Background(), "prj_1", "start", func(e client.Event) error {
		seqs = append(seqs, e.Seq)
		if e.Seq == 5 {
			return client.ErrStop
		}
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, []int64{1, 2, 3, 4, 5}, seqs)
	require.Equal(t, 3, f.sockets)
}

func TestEventsGoOnBehindOneThatCannotBeTold(t *testing.T) {
	f := &fakeServer{events: 3, cutAfter: 9, troubled: 2, trouble: `{"message":"object not found","path":["event","task","agent"],"extensions":{"code":"NOT_FOUND"}}`}
	c := start(t, f, client.Options{})
	told := func() (seqs []int64, err error) {
		err = c.ProjectEvents(context.Background(), "prj_1", "start", func(e client.Event) error {
			if seqs = append(seqs, e.Seq); e.Seq == 3 {
				return client.ErrStop
			}
			return nil
		})
		return seqs, err
	}
	seqs, err := told()
	require.NoError(t, err)
	require.Equal(t, []int64{1, 3}, seqs)
	require.Equal(t, 1, f.sockets)

	f.trouble = `{"message":"no more","path":["event","task","agent"],"extensions":{"code":"FORBIDDEN"}}`
	seqs, err = told()
	require.True(t, client.IsCode(err, "FORBIDDEN"), "%v", err)
	require.Equal(t, []int64{1}, seqs)
}

func TestEventsEndWithTheContext(t *testing.T) {
	c := start(t, &fakeServer{events: 1, cutAfter: 9}, client.Options{})
	ctx, cancel := context.WithCancel(context.Background())
	err := c.ProjectEvents(ctx, "prj_1", "start", func(client.Event) error { cancel(); return nil })
	require.ErrorIs(t, err, context.Canceled)
}

func TestARefusedKeyIsNotTriedAgain(t *testing.T) {
	f := &fakeServer{closeCode: 4403}
	c := start(t, f, client.Options{})
	err := c.ProjectEvents(context.Background(), "prj_1", "", nil)
	require.ErrorContains(t, err, "refuses the key")
	require.Equal(t, 1, f.sockets)
}

// A server that acknowledges and then refuses is not asked again at once, for ever.
func TestAServerThatOnlyAcknowledgesIsGivenUp(t *testing.T) {
	for refusal, most := range map[string]int{
		`{"message":"it broke","extensions":{"code":"INTERNAL"}}`:                       10,
		`{"message":"too many","extensions":{"code":"RATE_LIMITED","retryAfter":3600}}`: 1,
	} {
		f := &fakeServer{refusal: refusal}
		c := start(t, f, client.Options{GiveUpAfter: 2 * time.Second})
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		err := c.ProjectEvents(ctx, "prj_1", "", nil)
		cancel()
		var refused *client.GraphQLError
		require.ErrorAs(t, err, &refused)
		require.LessOrEqual(t, f.sockets, most)
	}
}

func TestEventsGiveUp(t *testing.T) {
	c, err := client.New(client.Options{URL: "http://127.0.0.1:1", GiveUpAfter: time.Nanosecond})
	require.NoError(t, err)
	var unreachable *client.UnreachableError
	require.ErrorAs(t, c.ProjectEvents(context.Background(), "prj_1", "", nil), &unreachable)
}

func TestACutMutationIsRepeatedWithTheSameKey(t *testing.T) {
	f := &fakeServer{answers: []string{"cut", `{"data":{"createProject":{"project":{"id":"prj_1","name":"n","headCursor":"c0"}}}}`}}
	c := start(t, f, client.Options{})
	project, err := c.CreateProject(context.Background(), "n")
	require.NoError(t, err)
	require.Equal(t, client.Project{ID: "prj_1", Name: "n", Head: "c0"}, project)
	require.Len(t, f.requests, 2)
	require.Equal(t, f.requests[0], f.requests[1])
	require.Contains(t, f.requests[0], "Bearer key ")
}

func TestErrorsAreTold(t *testing.T) {
	f := &fakeServer{answers: []string{
		`{"errors":[{"message":"too long","extensions":{"code":"BAD_USER_INPUT","field":"text"}}]}`,
		`<html>`,
	}}
	c := start(t, f, client.Options{})
	_, err := c.Send(context.Background(), client.Message{ProjectID: "prj_1", Text: "hello"})
	require.EqualError(t, err, "too long (BAD_USER_INPUT, field text)")
	require.True(t, client.IsCode(err, "BAD_USER_INPUT"))
	_, err = c.Send(context.Background(), client.Message{ProjectID: "prj_1", Text: "hello"})
	require.ErrorContains(t, err, "is no Zeblit server")
}

func TestAProjectIsFoundByItsName(t *testing.T) {
	const id = "prj_00000000000000000000000000"
	page := func(more bool, names ...string) string {
		nodes := []any{}
		for _, n := range names {
			nodes = append(nodes, map[string]any{"id": "prj_" + n, "name": n})
		}
		out, _ := json.Marshal(map[string]any{"data": map[string]any{"page": map[string]any{
			"nodes": nodes, "pageInfo": map[string]any{"hasNextPage": more, "endCursor": "e"}}}})
		return string(out)
	}
	f := &fakeServer{answers: []string{
		page(true, "SHOP", "Shopping"), page(false, "shop"), page(false, "a", "SHOP", "Shop"), page(false, "Shopping"),
		`{"data":{"project":{"id":"` + id + `"}}}`, page(false),
	}}
	c := start(t, f, client.Options{})
	find := func(name string) string {
		project, err := c.Project(context.Background(), name)
		require.NoError(t, err)
		return project.ID
	}
	require.Equal(t, "prj_shop", find("shop"), "the same name wins over a similar one")
	require.Equal(t, "prj_SHOP", find(" shop "), "the latest of the similar ones")
	var none *client.NoProjectError
	_, err := c.Project(context.Background(), "shop")
	require.ErrorAs(t, err, &none)
	require.Equal(t, id, find(id))
	_, err = c.Project(context.Background(), "prj_x")
	require.ErrorAs(t, err, &none, "not every prj_ is an id")
	require.Contains(t, f.requests[1], `"after":"e"`)
	require.Contains(t, f.requests[1], `"nameContains":"shop"`)
}

func TestWhatAToolCallIsAbout(t *testing.T) {
	require.Equal(t, "a/b.html", client.ToolCall{Input: `{"path":"a/b.html"}`}.About())
	require.Equal(t, "make test", client.ToolCall{Input: `{"shell":"make test"}`}.About())
	require.Equal(t, "go vet", client.ToolCall{Input: `{"argv":["go","vet"]}`}.About())
	require.Empty(t, client.ToolCall{Input: `not JSON`}.About())
}
