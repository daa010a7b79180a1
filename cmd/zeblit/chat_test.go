package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
)

// standIn answers a chat from a script: events are sent once the message has arrived.
func standIn(t *testing.T, events ...string) *httptest.Server {
	t.Helper()
	sent := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !websocket.IsWebSocketUpgrade(r) {
			body, _ := io.ReadAll(r.Body)
			switch text := string(body); {
			case strings.Contains(text, "createProject("):
				_, _ = io.WriteString(w, `{"data":{"createProject":{"project":{"id":"prj_1","name":"Page","headCursor":"c0"}}}}`)
			case strings.Contains(text, "sendMessage("):
				_, _ = io.WriteString(w, `{"data":{"sendMessage":{"message":{"id":"msg_1"},"run":{"id":"run_1"}}}}`)
				close(sent)
			case strings.Contains(text, "file(path:"):
				_, _ = io.WriteString(w, `{"data":{"project":{"file":{"path":"index.html","size":12}}}}`)
			}
			return
		}
		up := websocket.Upgrader{Subprotocols: []string{"graphql-transport-ws"}}
		conn, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		_, _, _ = conn.ReadMessage()
		_ = conn.WriteJSON(map[string]any{"type": "connection_ack"})
		_, subscribe, _ := conn.ReadMessage()
		if !bytes.Contains(subscribe, []byte(`"after":"c0"`)) {
			return
		}
		<-sent
		for n, e := range events {
			data := fmt.Sprintf(`{"data":{"projectEvents":{"cursor":"c%d","seq":%d,%s}}}`, n+1, n+1, e)
			_ = conn.WriteJSON(map[string]any{"type": "next", "id": "1", "payload": json.RawMessage(data)})
		}
		_, _, _ = conn.ReadMessage()
	}))
	t.Cleanup(server.Close)
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	return server
}

func talk(ctx context.Context, server *httptest.Server) (code int, said string) {
	var out bytes.Buffer
	c := console{out: &out, err: &out}
	chat := &chatCommand{URL: server.URL, APIKey: "key", Text: "Build a page"}
	code = report(c, chat.Run(ctx, c))
	return code, out.String()
}

func TestChatShowsTheWholeJob(t *testing.T) {
	code, said := talk(context.Background(), standIn(t,
		`"__typename":"MessageDelta","runId":"run_1","messageId":"msg_2","text":"Here you are."`,
		`"__typename":"ToolCallStarted","toolCall":{"name":"write_file","input":"{\"path\":\"index.html\"}"}`,
		`"__typename":"FileChanged","path":"index.html","change":"CREATED"`,
		`"__typename":"RunStateChanged","run":{"id":"run_1","error":null},"state":"SUCCEEDED"`,
	))
	require.Equal(t, 0, code, said)
	require.Equal(t, "Project Page (prj_1)\n\nHere you are.\n  → write_file index.html\n\nFiles written:\n  index.html  12 bytes\n", said)
}

func TestChatFailsWithTheRun(t *testing.T) {
	code, said := talk(context.Background(), standIn(t,
		`"__typename":"RunStateChanged","run":{"id":"run_1","error":"the model refuses the key"},"state":"FAILED"`,
	))
	require.Equal(t, exitFailed, code)
	require.Contains(t, said, "the model refuses the key")
	require.Contains(t, said, "No files were written.")
}

func TestChatIsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	server := standIn(t, `"__typename":"MessageDelta","runId":"run_1","messageId":"msg_2","text":"Here"`)
	var out bytes.Buffer
	c := console{out: writerFunc(func(p []byte) (int, error) {
		if bytes.Contains(p, []byte("Here")) {
			cancel() // ctrl-C while the answer arrives
		}
		return out.Write(p)
	}), err: &out}
	chat := &chatCommand{URL: server.URL, APIKey: "key", Text: "Build a page"}
	require.Equal(t, exitInterrupted, report(c, chat.Run(ctx, c)))
	require.Contains(t, out.String(), "Interrupted")
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
