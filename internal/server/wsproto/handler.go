// Package wsproto serves GraphQL over WebSocket, subprotocol graphql-transport-ws.
//
// A socket has two goroutines, a reader and a writer, and one for each operation that
// executes. Between the operations and the writer stands the outbox: whoever has
// something to send puts it there and never waits. A client that reads too slowly
// for its outbox is disconnected with 4508, which tells it to resume from its
// cursor; nothing is ever left out silently.
//
// A subscription that others watch too executes nothing by itself: once it has been told
// what has happened before, it is no more than a member of a group (see fanout).
//
// Everything about a socket ends with it: run waits for all its goroutines, and
// Handler.Shutdown for all sockets.
//
// The reading half of a socket is gorilla/websocket's. Frames are written by this
// package, so that several leave in one system call and a payload shared by many
// subscribers is encoded once.
package wsproto

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/gorilla/websocket"

	"github.com/zeblit/zeblit/internal/server/credential"
	"github.com/zeblit/zeblit/internal/server/drain"
	"github.com/zeblit/zeblit/internal/server/fanout"
	"github.com/zeblit/zeblit/internal/server/heartbeat"
	"github.com/zeblit/zeblit/internal/server/outbox"
)

// Subprotocol is the one subprotocol served; a socket without it is closed 4406.
const Subprotocol = "graphql-transport-ws"

// Config sets up a Handler. Zero durations and sizes mean the defaults.
type Config struct {
	// Authenticate returns the context of the socket's operations, derived from
	// ctx, for the credentials of connection_init, or of the upgrade request when
	// that has none; "" is anonymous. An error closes 4403, except one with the
	// code UNAVAILABLE or INTERNAL, or ctx's own: those close 4510, worth a retry.
	// Nil lets everybody in with the request's context.
	Authenticate func(ctx context.Context, authorization string) (context.Context, error)
	// Credentials watches over the sockets that presented any: they are closed 4403
	// when these end. Nil lets them be.
	Credentials *credential.Keeper

	// Admit is asked once for each socket, with the context that Authenticate has
	// returned. It returns what to call at the socket's end; an error closes 4510.
	// Nil admits all.
	Admit func(ctx context.Context) (release func(), err error)
	// Allow is asked before each operation, within its goroutine; an error is the
	// operation's. Nil allows all.
	Allow func(ctx context.Context) error

	// Fanout executes subscriptions once for all who watch the same. Nil: each is
	// executed by itself.
	Fanout *fanout.Fanout

	// CheckOrigin decides about the upgrade's Origin header. Nil accepts the same
	// host and requests without one.
	CheckOrigin func(r *http.Request) bool

	// Compression takes clients' offers of permessage-deflate. It costs CPU for each
	// socket: a compressed message is nobody else's.
	Compression bool

	// InitTimeout is the time for connection_init to arrive, else 4408, and for
	// Authenticate to answer; 10 s.
	InitTimeout time.Duration
	// PingInterval is the time between pings, 12 s. A socket from which nothing,
	// pongs included, arrives for PingInterval plus PongTimeout (15 s) is dropped.
	PingInterval time.Duration
	PongTimeout  time.Duration
	// MessageTimeout is the time from a message's first frame to its last byte, 10 s,
	// whatever else comes in between. When it passes, the connection is broken off.
	MessageTimeout time.Duration
	// WriteTimeout is the time that one write (at most 16 KiB, or one message) may
	// take, 10 s. When it passes, the socket is closed 4508, which it hears if it takes
	// the rest within as much time again; else the connection is broken off.
	WriteTimeout time.Duration
	// CloseTimeout is how long a closed socket waits for the client's close, 2 s.
	CloseTimeout time.Duration

	// MaxMessageBytes of a client's message, 2 MiB; more closes 1009.
	MaxMessageBytes int64
	// QueueBytes and QueueAge bound what waits to be written, 1 MiB, and for how
	// long, 10 s; more closes 4508. A single message counts as half of it at most.
	QueueBytes int
	QueueAge   time.Duration
	// MaxOperations under way on one socket, 100; one more is refused with an error
	// message of code RATE_LIMITED. As many again may be coming to their end after
	// the client has completed them.
	MaxOperations int

	// Logger hears of panics and of failures of Authenticate; nil is slog.Default().
	Logger *slog.Logger
}

// Handler upgrades requests and owns the sockets.
type Handler struct {
	exec     graphql.GraphExecutor
	cfg      Config
	upgrader websocket.Upgrader
	outboxes outbox.Rules[message, ending]
	pings    *heartbeat.Beats[*conn]
	counts   counters

	conns drain.Set[*conn]
}

// New returns a handler of WebSocket requests. Others are refused: see
// websocket.IsWebSocketUpgrade for routing.
func New(exec graphql.GraphExecutor, cfg Config) *Handler {
	fallback(&cfg.InitTimeout, 10*time.Second)
	fallback(&cfg.PingInterval, 12*time.Second)
	fallback(&cfg.PongTimeout, 15*time.Second)
	fallback(&cfg.MessageTimeout, 10*time.Second)
	fallback(&cfg.WriteTimeout, 10*time.Second)
	fallback(&cfg.CloseTimeout, 2*time.Second)
	fallback(&cfg.MaxMessageBytes, 2<<20)
	fallback(&cfg.QueueBytes, 1<<20)
	fallback(&cfg.QueueAge, 10*time.Second)
	fallback(&cfg.MaxOperations, 100)
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	h := &Handler{
		exec: exec,
		cfg:  cfg,
		upgrader: websocket.Upgrader{
			HandshakeTimeout: cfg.WriteTimeout,
			Subprotocols:     []string{Subprotocol},
			CheckOrigin:      cfg.CheckOrigin,
			ReadBufferSize:   512,
			// What is offered at all is for negotiate to say.
			EnableCompression: true,
			// With a pool, no write buffer is kept for a socket.
			WriteBufferPool: &sync.Pool{},
		},
		pings: heartbeat.New(cfg.PingInterval, (*conn).ping),
	}
	h.outboxes.Limit, h.outboxes.MaxAge = cfg.QueueBytes, cfg.QueueAge
	return h
}

func fallback[T comparable](value *T, otherwise T) {
	var zero T
	if *value == zero {
		*value = otherwise
	}
}

// ServeHTTP upgrades the request and returns; the socket lives on by itself, with
// the values of the request's context. While shutting down it answers 503.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !h.conns.Enter() {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "The server is going away", http.StatusServiceUnavailable)
		return
	}
	deflate := negotiate(r, h.cfg.Compression)
	ws, err := h.upgrader.Upgrade(w, r, nil)
	if err != nil { // answered already
		h.conns.Leave(nil)
		return
	}
	c := newConn(h, ws, r)
	if deflate {
		c.frame = appendDeflated
	}
	if !h.conns.Add(c) { // going away since the request was let in
		c.end(goingAway)
	}
	go func() {
		defer h.conns.Leave(c)
		c.run()
	}()
}

// Connections is the number of open sockets.
func (h *Handler) Connections() int { return h.conns.Len() }

// Shutdown refuses new sockets, closes all others with 1012 after what waits to be
// written, some at a time over up to 5 s, and returns once all their goroutines have
// ended. When ctx ends first it breaks the remaining connections off; an operation
// that ignores its context is then an error, and may still be running.
func (h *Handler) Shutdown(ctx context.Context) error {
	return h.conns.Shutdown(ctx, func(c *conn) { c.end(goingAway) }, (*conn).breakOff)
}
