package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/zeblit/zeblit/internal/relay"
	"github.com/zeblit/zeblit/internal/stream"
)

// rawRoom is how many events may wait for one subscriber. More breaks it off, as
// in gorilla's own example of a chat.
const rawRoom = 256

// raw is the broadcast: it keeps no log and asks nobody who they are.
type raw struct {
	upgrader websocket.Upgrader
	rooms    map[string]*rawProject
	order    []*rawProject
}

type rawProject struct {
	id, runID, messageID string
	seq                  int64
	offset               int

	mu       sync.Mutex
	watchers map[*rawConn]bool
}

// rawConn is a socket: its reader is net/http's goroutine, its writer one more.
type rawConn struct {
	ws   *websocket.Conn
	send chan *rawFrame
	head []byte // of its events, up to the payload
}

// rawFrame is an event's payload, which many share, or a whole message.
type rawFrame struct {
	whole bool
	bytes []byte
}

func newRaw(_ context.Context, s settings) (*feed, error) {
	r := &raw{upgrader: websocket.Upgrader{Subprotocols: []string{"graphql-transport-ws"}}, rooms: map[string]*rawProject{}}
	f := &feed{publish: r.publish}
	for range s.projects {
		p := &rawProject{id: relay.NewID("prj"), runID: relay.NewID("run"), messageID: relay.NewID("msg"), watchers: map[*rawConn]bool{}}
		r.rooms[p.id], r.order = p, append(r.order, p)
		f.projects = append(f.projects, project{p.id, 0})
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/graphql", r.serve)
	f.server = &http.Server{Handler: mux} //nolint:gosec // of a benchmark
	return f, nil
}

// publish encodes each event once and puts it into the channels of its watchers.
func (r *raw) publish(_ context.Context, count int, text string) error {
	for _, p := range r.order {
		for range count {
			p.seq++
			payload := fmt.Appendf(nil, `{"data":{"event":{"__typename":"MessageDelta","cursor":%q,"seq":%d,"at":%q,"type":"MESSAGE_DELTA","messageId":%q,"runId":%q,"offset":%d,"text":%q}}}`,
				stream.CursorAt(p.id, p.seq), p.seq, time.Now().UTC().Format(time.RFC3339Nano), p.messageID, p.runID, p.offset, text)
			p.offset += len(text)
			p.broadcast(&rawFrame{bytes: payload})
		}
	}
	return nil
}

func (p *rawProject) broadcast(f *rawFrame) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.watchers {
		select {
		case c.send <- f:
		default:
			_ = c.ws.Close()
		}
	}
}

func (r *raw) serve(w http.ResponseWriter, req *http.Request) {
	ws, err := r.upgrader.Upgrade(w, req, nil)
	if err != nil {
		return
	}
	c := &rawConn{ws: ws, send: make(chan *rawFrame, rawRoom)}
	done := make(chan struct{})
	go c.write(done)
	p := r.read(c)
	if p != nil {
		p.mu.Lock()
		delete(p.watchers, c)
		p.mu.Unlock()
	}
	close(done)
}

// read handles the client's messages to their end and returns what was subscribed to.
func (r *raw) read(c *rawConn) (p *rawProject) {
	alive := func(string) error { return c.ws.SetReadDeadline(time.Now().Add(2 * pingEvery)) }
	_ = alive("")
	c.ws.SetPongHandler(alive)
	for {
		_, message, err := c.ws.ReadMessage()
		if err != nil {
			return p
		}
		var m struct {
			Type, ID string
			Payload  struct{ Variables struct{ ID string } }
		}
		if json.Unmarshal(message, &m) != nil {
			return p
		}
		switch m.Type {
		case "connection_init":
			c.send <- &rawFrame{true, []byte(`{"type":"connection_ack"}`)}
		case "ping":
			c.send <- &rawFrame{true, []byte(`{"type":"pong"}`)}
		case "subscribe":
			if p = r.rooms[m.Payload.Variables.ID]; p == nil {
				return nil
			}
			c.head = []byte(`{"id":"` + strings.Clone(m.ID) + `","type":"next","payload":`)
			p.mu.Lock()
			p.watchers[c] = true
			p.mu.Unlock()
		}
	}
}

func (c *rawConn) write(done <-chan struct{}) {
	defer func() { _ = c.ws.Close() }()
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	var buffer []byte
	for {
		select {
		case <-done:
			return
		case <-ping.C:
			if c.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(pingEvery)) != nil {
				return
			}
		case f := <-c.send:
			frame := f.bytes
			if !f.whole {
				buffer = append(append(append(buffer[:0], c.head...), f.bytes...), '}')
				frame = buffer
			}
			_ = c.ws.SetWriteDeadline(time.Now().Add(pingEvery))
			if c.ws.WriteMessage(websocket.TextMessage, frame) != nil {
				return
			}
		}
	}
}
