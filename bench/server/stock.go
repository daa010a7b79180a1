package main

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql/handler/transport"
	"github.com/gorilla/websocket"

	"github.com/zeblit/zeblit/graph"
)

// pingEvery is how often stock and raw ping, as the product does.
const pingEvery = 12 * time.Second

// newStock is gqlgen's transport as its documentation sets it up, over the product's
// schema and below it.
func newStock(ctx context.Context, s settings) (*feed, error) {
	p, err := newProduct(ctx, s)
	if err != nil {
		return nil, err
	}
	exec := graph.NewExecutor(p.deps)
	socket := transport.Websocket{
		Implementation:   gorilla{},
		PingPongInterval: pingEvery,
		InitFunc: func(ctx context.Context, payload transport.InitPayload) (context.Context, *transport.InitPayload, error) {
			ctx, err := p.identity.Authenticate(ctx, payload.Authorization())
			return ctx, nil, err
		},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/graphql", func(w http.ResponseWriter, r *http.Request) { socket.Do(w, r, exec) })
	return p.feed(&http.Server{Handler: mux}), nil //nolint:gosec // of a benchmark
}

// gorilla lets gqlgen's transport run on gorilla/websocket.
type gorilla struct{}

func (gorilla) Accept(w http.ResponseWriter, r *http.Request, o transport.WebsocketAcceptOptions) (transport.WebsocketConn, error) {
	upgrader := websocket.Upgrader{Subprotocols: o.Subprotocols}
	conn, err := upgrader.Upgrade(w, r, o.ResponseHeader)
	if err != nil {
		return nil, err
	}
	return &gorillaConn{conn}, nil
}

type gorillaConn struct{ *websocket.Conn }

func (c *gorillaConn) NextReader() (int, io.Reader, error) {
	kind, reader, err := c.Conn.NextReader()
	if websocket.IsCloseError(err, websocket.CloseNormalClosure, websocket.CloseNoStatusReceived) {
		err = transport.ErrWebsocketClosed
	}
	return kind, reader, err
}

func (c *gorillaConn) WriteClose(code int, message string) error {
	return c.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(code, message))
}
