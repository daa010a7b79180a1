package wsproto_test

import (
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/server/wsproto"
)

// counted counts what a client reads.
type counted struct {
	net.Conn
	read *atomic.Int64
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.read.Add(int64(n))
	return n, err
}

// deflating opens a socket whose client offers compression, and counts its bytes.
func (b *testBundle) deflating(offers bool) (*client, *atomic.Int64) {
	b.t.Helper()
	var read atomic.Int64
	dialer := websocket.Dialer{Subprotocols: []string{wsproto.Subprotocol}, EnableCompression: offers,
		NetDial: func(network, address string) (net.Conn, error) {
			c, err := net.Dial(network, address)
			return counted{c, &read}, err
		}}
	ws, resp, err := dialer.DialContext(b.t.Context(), b.url, nil)
	require.NoError(b.t, err)
	require.NoError(b.t, resp.Body.Close())
	b.t.Cleanup(func() { _ = ws.Close() })
	c := &client{b.t, ws}
	c.send(`{"type":"connection_init"}`)
	c.receive(`{"type":"connection_ack"}`)
	return c, &read
}

func TestMessagesAreCompressedForWhoOffersIt(t *testing.T) {
	t.Parallel()
	b := setup(t, wsproto.Config{Compression: true})
	long := strings.Repeat("what the model says ", 500)
	traffic := map[bool]int64{}
	for _, offers := range []bool{true, false} {
		ticks := b.ticking()
		c, read := b.deflating(offers)
		c.subscribe("1", "subscription{ticks}")
		for _, text := range []string{"short", long, "short again", long} {
			ticks <- text
			c.receive(`{"id":"1","type":"next","payload":{"data":{"ticks":"` + text + `"}}}`)
		}
		c.ws.EnableWriteCompression(true)
		c.send(`{"id":"1","type":"complete"}`)
		traffic[offers] = read.Load()
	}
	require.Less(t, traffic[true], traffic[false]/10)
}

func TestASmallMessageThatInflatesTooFarIsTooBig(t *testing.T) {
	t.Parallel()
	b := setup(t, wsproto.Config{Compression: true, MaxMessageBytes: 10_000})
	c, _ := b.deflating(true)
	c.send(`{"id":"1","type":"subscribe","payload":{"query":"` + strings.Repeat(" ", 1<<20) + `"}}`)
	c.closed(websocket.CloseMessageTooBig)
}

func TestOffersOfCompression(t *testing.T) {
	t.Parallel()
	on, off := setup(t, wsproto.Config{Compression: true}), setup(t, wsproto.Config{})
	const taken = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
	for offer, answer := range map[string]string{
		"":                   "",
		"permessage-deflate": taken,
		"permessage-deflate; client_max_window_bits":                                   taken,
		"permessage-deflate; server_max_window_bits=15":                                taken,
		"permessage-deflate; server_max_window_bits=10":                                "",
		"permessage-deflate; server_max_window_bits=10, permessage-deflate":            taken,
		"x-webkit-deflate-frame":                                                       "",
		"permessage-deflate; unheard_of":                                               "",
		"permessage-bzip, permessage-deflate; client_no_context_takeover; x=\"1,2\",,": "",
	} {
		for b, want := range map[*testBundle]string{on: answer, off: ""} {
			ask, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http"+strings.TrimPrefix(b.url, "ws"), nil)
			require.NoError(t, err)
			for name, value := range map[string]string{
				"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
				"Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg==", "Sec-WebSocket-Protocol": wsproto.Subprotocol,
				"Sec-WebSocket-Extensions": offer,
			} {
				ask.Header.Set(name, value)
			}
			resp, err := http.DefaultTransport.RoundTrip(ask)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			require.Equal(t, http.StatusSwitchingProtocols, resp.StatusCode)
			require.Equal(t, want, resp.Header.Get("Sec-Websocket-Extensions"), offer)
		}
	}
}
