package wsproto

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"

	"github.com/zeblit/zeblit/internal/server/credential"
	"github.com/zeblit/zeblit/internal/server/gqlreq"
	"github.com/zeblit/zeblit/internal/server/outbox"
)

// conn is one socket. run is its owner.
type conn struct {
	h      *Handler
	ws     *websocket.Conn // read only by run
	net    net.Conn
	header http.Header // of the upgrade request
	out    *outbox.Outbox[message, ending]
	frame  func([]byte, *message) []byte // appends a message as it is sent
	// woken has room for one signal: a full channel has said it already.
	woken   chan struct{}
	allowed time.Time // when a write was last given its time; the writer's

	// ctx lives as long as the socket is served; cancel ends every operation. It is
	// kept here because the socket is what outlives calls.
	ctx    context.Context
	cancel context.CancelFunc
	// session is ctx with what Authenticate added; nil until the ack. Only the
	// reader touches it.
	session context.Context
	release func() // of Admit; nil until then. The reader's, and run's after it

	background sync.WaitGroup // operations that execute

	mu        sync.Mutex
	ops       map[string]*operation
	executing int  // operations, those included that the client has completed
	closing   bool // our close frame is out: the read deadline is final
	partial   bool // a message is on its way: no sign of life moves the deadline
	initTimer *time.Timer
	watch     *credential.Watch // nil when there is nothing to watch over; the reader's
}

func newConn(h *Handler, ws *websocket.Conn, r *http.Request) *conn {
	c := &conn{
		h:      h,
		ws:     ws,
		net:    ws.NetConn(),
		header: r.Header,
		frame:  appendFrame,
		woken:  make(chan struct{}, 1),
		ops:    map[string]*operation{},
	}
	c.out = h.outboxes.New(c.wake)
	// net/http cancels the request's context when the handler returns.
	c.ctx, c.cancel = context.WithCancel(context.WithoutCancel(r.Context()))
	return c
}

// run serves the socket until both directions are done and every goroutine of it
// has ended.
func (c *conn) run() {
	var writer sync.WaitGroup
	writer.Go(c.writeLoop)
	c.h.pings.Add(c)
	c.read()
	if c.end(gone) { // nothing was said before: the client left, or went silent
		c.breakOff()
	}
	c.h.pings.Remove(c)
	c.stopTimers()
	writer.Wait()
	c.breakOff()
	c.background.Wait()
	c.leave()
	if c.release != nil {
		c.release()
	}
}

// read handles the client's messages until there are no more to come. After the
// socket's end it discards what still arrives, until the client's close or the
// deadline: closing a connection with unread data would cost the client our close
// frame.
func (c *conn) read() {
	defer func() {
		if recovered := recover(); recovered != nil {
			_ = gqlreq.Panicked(c.ctx, c.h.cfg.Logger, recovered)
			c.end(ending{code: websocket.CloseInternalServerErr, reason: "Internal error", discard: true})
		}
	}()
	c.ws.SetPingHandler(func(data string) error {
		c.alive()
		c.send(message{opcode: websocket.PongMessage, head: []byte(data)})
		return nil
	})
	c.ws.SetPongHandler(func(string) error { c.alive(); return nil })
	c.ws.SetCloseHandler(func(code int, _ string) error {
		c.end(ending{code: code, discard: true})
		return nil
	})
	c.alive()
	if c.ws.Subprotocol() != Subprotocol {
		c.end(ending{code: CodeBadSubprotocol, reason: "Subprotocol not acceptable"})
	}
	c.startInitTimer()

	for {
		kind, reader, err := c.ws.NextReader()
		if err != nil {
			return
		}
		if c.out.Ended() {
			continue
		}
		c.begun()
		raw, err := io.ReadAll(io.LimitReader(reader, c.h.cfg.MaxMessageBytes+1))
		if err != nil {
			return
		}
		c.ended()
		switch {
		case kind != websocket.TextMessage:
			c.end(invalid("binary"))
		case int64(len(raw)) > c.h.cfg.MaxMessageBytes:
			c.end(ending{code: websocket.CloseMessageTooBig, reason: "Message too big"})
		case !utf8.Valid(raw):
			c.end(invalid("not UTF-8"))
		default:
			c.receive(raw)
		}
	}
}

func (c *conn) receive(raw []byte) {
	r, err := parse(raw)
	if err != nil {
		c.end(invalid(err.Error()))
		return
	}
	switch r.kind {
	case "connection_init":
		c.initialise(r.auth)
	case "ping":
		c.send(pongFor(r.payload))
	case "subscribe":
		c.subscribe(r)
	case "complete":
		c.complete(r.id)
	}
}

// send puts m into the outbox and reports whether it will be sent: not after the
// socket's end or the client's complete. A full outbox is the end of the socket.
func (c *conn) send(m message) bool { return c.sent(c.out.Push(m)) }

func (c *conn) sent(err error) bool {
	if errors.Is(err, outbox.ErrFull) {
		c.end(tooSlow)
	}
	return err == nil
}

// end ends the socket; the first call decides how, and is told so. It never
// blocks: the writer says the last word, the reader waits for the client's.
func (c *conn) end(e ending) bool {
	if !c.out.End(e, e.discard) {
		return false
	}
	if e == tooSlow {
		c.h.counts.slowCloses.Add(1)
	}
	c.cancel()
	// A write under way gets this much longer, so that a client which begins to
	// read again still learns why it was closed.
	_ = c.net.SetWriteDeadline(time.Now().Add(c.h.cfg.WriteTimeout)) // fails only when closed
	return true
}

// alive notes a sign of life: the client has until the deadline for the next one.
func (c *conn) alive() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closing && !c.partial {
		c.deadline(c.h.cfg.PingInterval + c.h.cfg.PongTimeout)
	}
}

// begun gives the message that has begun its time to end. Pings between its
// fragments would otherwise keep what was read of it for ever.
func (c *conn) begun() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.partial = true
	if !c.closing {
		c.deadline(c.h.cfg.MessageTimeout)
	}
}

// ended is a sign of life: the message is whole.
func (c *conn) ended() {
	c.mu.Lock()
	c.partial = false
	c.mu.Unlock()
	c.alive()
}

// awaitClose gives the client its last time to close, after our close frame.
func (c *conn) awaitClose() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closing = true
	c.deadline(c.h.cfg.CloseTimeout)
}

func (c *conn) deadline(after time.Duration) {
	_ = c.net.SetReadDeadline(time.Now().Add(after)) // fails only when closed; the read then fails too
}

// breakOff closes the connection as it is.
func (c *conn) breakOff() { _ = c.net.Close() }
