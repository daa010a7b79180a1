package server_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/server/hostile"
)

// short is the longest answer to a hostile request.
const short = 4 << 10

func TestHostileRequestsAreRefusedInFewWords(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for _, request := range hostile.Requests() {
		t.Run(request.Name, func(t *testing.T) {
			t.Parallel()
			b := *b
			b.t = t
			for _, accept := range []string{plain, grj} {
				got := b.do(http.MethodPost, "/graphql", request.JSON(), "Content-Type", plain, "Accept", accept)
				require.NotEmpty(t, code(t, got.raw), got.raw)
				require.Less(t, len(got.raw), short)
			}
			b.overEvents(request)
			b.overSocket(request)
			b.byURL(request)
		})
	}
	require.Equal(t, `{"data":{"name":"test"}}`, b.post(object{"query": "{name}"}).raw, "it serves as before")
}

// overEvents is refused by a status or by the stream's only event.
func (b *testBundle) overEvents(request hostile.Request) {
	b.t.Helper()
	got := b.do(http.MethodPost, "/graphql", request.JSON(), "Content-Type", plain, "Accept", events)
	require.Less(b.t, len(got.raw), short)
	if got.status == 200 {
		require.Contains(b.t, got.raw, "event: complete")
		got.raw = event(b.t, got.raw)
	}
	require.NotEmpty(b.t, code(b.t, got.raw))
}

// overSocket is refused by an error message or by the socket's close.
func (b *testBundle) overSocket(request hostile.Request) {
	b.t.Helper()
	ws := b.socket("")
	message := fmt.Sprintf(`{"id":"1","type":"subscribe","payload":%s}`, request.JSON())
	_ = ws.WriteMessage(websocket.TextMessage, []byte(message)) // it may be closed in the middle of it
	var m struct {
		Type    string
		Payload []struct{ Extensions struct{ Code string } }
	}
	if err := ws.ReadJSON(&m); err != nil {
		require.True(b.t, websocket.IsCloseError(err, 4400, websocket.CloseMessageTooBig), "%v", err)
		return
	}
	require.Equal(b.t, "error", m.Type)
	require.NotEmpty(b.t, m.Payload[0].Extensions.Code)
}

// byURL is refused, when it is too long for a header by net/http itself.
func (b *testBundle) byURL(request hostile.Request) {
	b.t.Helper()
	path := "/graphql?" + url.Values{"query": {request.Query}, "variables": {request.Variables}}.Encode()
	if len(path) > 1<<20 {
		path = path[:1<<20]
	}
	for _, accept := range []string{grj, events} {
		got := b.do(http.MethodGet, path, "", "Accept", accept)
		require.Less(b.t, len(got.raw), short)
		switch got.status {
		case http.StatusRequestHeaderFieldsTooLarge:
		case http.StatusOK:
			require.NotEmpty(b.t, code(b.t, event(b.t, got.raw)))
		default:
			require.NotEmpty(b.t, code(b.t, got.raw))
		}
	}
}
