package wsproto_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/server/wsproto"
)

func TestSubprotocolIsNegotiated(t *testing.T) {
	t.Parallel()
	b := setup(t, wsproto.Config{})
	c := b.dial(nil, "graphql-ws", wsproto.Subprotocol)
	require.Equal(t, wsproto.Subprotocol, c.ws.Subprotocol())
}

func TestOtherSubprotocolsClose4406(t *testing.T) {
	t.Parallel()
	b := setup(t, wsproto.Config{})
	b.dial(nil).closed(4406)
	b.dial(nil, "graphql-ws").closed(4406)
	b.dial(nil, "chat", "graphql-transport-ws2").closed(4406)
}

func TestForeignOriginsAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, wsproto.Config{})
	_, resp, err := websocket.DefaultDialer.Dial(b.url, http.Header{"Origin": {"https://evil.example"}})
	require.Error(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusForbidden, resp.StatusCode)

	host := strings.TrimPrefix(b.url, "ws")
	b.dial(http.Header{"Origin": {"http" + host}}, wsproto.Subprotocol)
}

func TestInitIsAcknowledged(t *testing.T) {
	t.Parallel()
	b := setup(t, wsproto.Config{})
	for _, init := range []string{
		`{"type":"connection_init"}`,
		`{"type":"connection_init","payload":null}`,
		`{"type":"connection_init","payload":{}}`,
		`{"type":"connection_init","payload":{"other":[1]},"extra":true}`,
		`{"type":"connection_init","payload":{"Authorization":null}}`,
	} {
		c := b.open()
		c.send(init)
		c.receive(`{"type":"connection_ack"}`)
	}
}

func TestBadInitPayloadCloses4400(t *testing.T) {
	t.Parallel()
	b := setup(t, wsproto.Config{})
	for _, payload := range []string{`[]`, `"Bearer x"`, `1`, `true`, `{"Authorization":1}`, `{"Authorization":{}}`, `{"authorization":["a"]}`} {
		c := b.open()
		c.send(`{"type":"connection_init","payload":` + payload + `}`)
		c.closed(4400)
	}
}

func TestLateInitCloses4408(t *testing.T) {
	t.Parallel()
	c := setup(t, wsproto.Config{InitTimeout: 20 * time.Millisecond}).open()
	require.Equal(t, "Connection initialisation timeout", c.closed(4408))
}

func TestInitInTimeStopsTheTimeout(t *testing.T) {
	t.Parallel()
	c := setup(t, wsproto.Config{InitTimeout: 5 * time.Second}).ready()
	time.Sleep(5500 * time.Millisecond)
	c.quiet()
}

func TestSecondInitCloses4429(t *testing.T) {
	t.Parallel()
	c := setup(t, wsproto.Config{}).ready()
	c.send(`{"type":"connection_init"}`)
	require.Equal(t, "Too many initialisation requests", c.closed(4429))
}

func TestSubscribeBeforeInitCloses4401(t *testing.T) {
	t.Parallel()
	c := setup(t, wsproto.Config{}).open()
	c.subscribe("1", "{name}")
	require.Equal(t, "Unauthorized", c.closed(4401))
}

func TestSubscribeRightBehindInitIsServed(t *testing.T) {
	t.Parallel()
	c := setup(t, wsproto.Config{}).open()
	c.send(`{"type":"connection_init"}`)
	c.subscribe("1", "{name}")
	c.receive(`{"type":"connection_ack"}`)
	c.receive(`{"id":"1","type":"next","payload":{"data":{"name":"test"}}}`)
}

func TestPingIsAnsweredAnyTime(t *testing.T) {
	t.Parallel()
	c := setup(t, wsproto.Config{}).open()
	c.quiet()
	c.send(`{"type":"ping","payload":{"a":"ü"}}`)
	c.receive(`{"type":"pong","payload":{"a":"ü"}}`)
	c.send(`{"type":"pong"}`)
	c.send(`{"type":"pong","payload":{"a":1}}`)
	c.send(`{"type":"connection_init"}`)
	c.receive(`{"type":"connection_ack"}`)
	c.quiet()
}

func TestControlPingIsAnswered(t *testing.T) {
	t.Parallel()
	c := setup(t, wsproto.Config{}).ready()
	pong := make(chan string, 1)
	c.ws.SetPongHandler(func(data string) error { pong <- data; return nil })
	require.NoError(t, c.ws.WriteControl(websocket.PingMessage, []byte("hello"), time.Now().Add(patience)))
	c.quiet()
	require.Equal(t, "hello", <-pong)
}

func TestInvalidMessagesClose4400(t *testing.T) {
	t.Parallel()
	b := setup(t, wsproto.Config{})
	long := strings.Repeat("x", 129)
	for name, text := range map[string]string{
		"empty":                  ``,
		"not JSON":               `hello`,
		"trailing":               `{"type":"ping"}{}`,
		"an array":               `[{"type":"ping"}]`,
		"null":                   `null`,
		"no type":                `{"id":"1"}`,
		"numeric type":           `{"type":1}`,
		"unknown type":           `{"type":"start"}`,
		"type in other case":     `{"TYPE":"ping"}`,
		"a server's message":     `{"type":"connection_ack"}`,
		"next from the client":   `{"type":"next","id":"1","payload":{}}`,
		"error from the client":  `{"type":"error","id":"1","payload":[]}`,
		"ping with a string":     `{"type":"ping","payload":"x"}`,
		"pong with an array":     `{"type":"pong","payload":[]}`,
		"complete without id":    `{"type":"complete"}`,
		"complete, numeric id":   `{"type":"complete","id":1}`,
		"complete, null id":      `{"type":"complete","id":null}`,
		"no id":                  `{"type":"subscribe","payload":{"query":"{name}"}}`,
		"empty id":               `{"type":"subscribe","id":"","payload":{"query":"{name}"}}`,
		"numeric id":             `{"type":"subscribe","id":1,"payload":{"query":"{name}"}}`,
		"long id":                `{"type":"subscribe","id":"` + long + `","payload":{"query":"{name}"}}`,
		"no payload":             `{"type":"subscribe","id":"1"}`,
		"null payload":           `{"type":"subscribe","id":"1","payload":null}`,
		"payload in a string":    `{"type":"subscribe","id":"1","payload":"{name}"}`,
		"a batch":                `{"type":"subscribe","id":"1","payload":[{"query":"{name}"}]}`,
		"no query":               `{"type":"subscribe","id":"1","payload":{}}`,
		"numeric query":          `{"type":"subscribe","id":"1","payload":{"query":1}}`,
		"variables in an array":  `{"type":"subscribe","id":"1","payload":{"query":"{name}","variables":[]}}`,
		"numeric operation name": `{"type":"subscribe","id":"1","payload":{"query":"{name}","operationName":1}}`,
		"extensions in a string": `{"type":"subscribe","id":"1","payload":{"query":"{name}","extensions":""}}`,
		"invalid UTF-8":          "{\"type\":\"ping\",\"payload\":{\"a\":\"\xff\"}}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := b.ready()
			c.t = t
			c.send(text)
			require.NotEmpty(t, c.closed(4400))
		})
	}
}

func TestBinaryMessagesClose4400(t *testing.T) {
	t.Parallel()
	c := setup(t, wsproto.Config{}).ready()
	require.NoError(t, c.ws.WriteMessage(websocket.BinaryMessage, []byte(`{"type":"ping"}`)))
	c.closed(4400)
}

func TestTooBigMessagesClose1009(t *testing.T) {
	t.Parallel()
	b := setup(t, wsproto.Config{MaxMessageBytes: 1000, CloseTimeout: patience})
	c := b.ready()
	c.send(`{"type":"ping","payload":{"a":"` + strings.Repeat("x", 900) + `"}}`)
	c.receive(`{"type":"pong","payload":{"a":"` + strings.Repeat("x", 900) + `"}}`)
	c.send(`{"type":"ping","payload":{"a":"` + strings.Repeat("x", 1<<20) + `"}}`)
	c.closed(1009)
}

func TestDuplicateIDCloses4409(t *testing.T) {
	t.Parallel()
	b := setup(t, wsproto.Config{})
	b.ticking()
	c := b.ready()
	c.subscribe("one", "subscription{ticks}")
	c.subscribe("one", "{name}")
	require.Equal(t, "Subscriber for one already exists", c.closed(4409))

	c = b.ready()
	long := strings.Repeat("é", 128)
	c.subscribe(long, "subscription{ticks}")
	c.subscribe(long, "subscription{ticks}")
	reason := c.closed(4409)
	require.True(t, strings.HasPrefix(reason, "Subscriber for é") && strings.HasSuffix(reason, "é… already exists"), reason)
}

func TestClientCloseIsEchoed(t *testing.T) {
	t.Parallel()
	b := setup(t, wsproto.Config{})
	for _, code := range []int{1000, 1001, 4999} {
		c := b.ready()
		require.NoError(t, c.ws.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(code, "bye")))
		c.closed(code)
	}
	c := b.ready()
	require.NoError(t, c.ws.WriteMessage(websocket.CloseMessage, nil))
	c.closed(websocket.CloseNoStatusReceived)
}
