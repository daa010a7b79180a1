package faulttest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	mrand "math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gorilla/websocket"
)

// act is what a watcher on a bare connection does when its time has come.
type act int

const (
	cutInFrame act = iota // breaks off in the middle of a frame that it receives
	cutInOwn              // breaks off in the middle of a frame that it sends
	reset                 // breaks off so that the server hears of an error
	leave                 // closes as the protocol has it, without a complete
	anew                  // completes a subscription and subscribes again on the same socket
	stall                 // reads nothing for a while, then goes on
)

// mostSubscriptions that are made on one socket, one after the other.
const mostSubscriptions = 8

// followSocket is some watchers of one project on one socket after the other.
func (l *Load) followSocket(ctx context.Context, group []*watcher) {
	for ctx.Err() == nil {
		var present []*watcher
		for _, w := range group {
			if w.ready(l) {
				present = append(present, w)
			}
		}
		if len(present) == 0 {
			_ = group[0].prepare(ctx, l)
			continue
		}
		end := l.session(ctx, present)
		if ctx.Err() == nil {
			present[0].closed(end)
			l.rest(ctx, moment(0, 300*time.Millisecond))
		}
	}
}

// session is a socket from its beginning to its end.
type session struct {
	conn    *websocket.Conn
	watches map[string]*watcher // by the subscription's id
	count   int                 // of subscriptions
}

func (l *Load) session(ctx context.Context, group []*watcher) ending {
	stalls := group[0].kind == stalledWS
	conn, end := dialSocket(ctx, l.server(), stalls)
	if conn == nil {
		return end
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	s := &session{conn: conn, watches: map[string]*watcher{}}
	if err := s.begin(l.in.Key, group); err != nil {
		return socketEnd(err)
	}
	var next act
	var at time.Time
	stop := func() bool { return true }
	plan := func() {
		stop()
		next, at = s.plan(stalls)
		if !stalls { // a socket on which nothing comes is broken off too
			stop = l.unlessCalm(time.Until(at)+time.Second, func() { _ = conn.NetConn().Close() })
		}
	}
	plan()
	defer func() { stop() }()
	for {
		_, reader, err := conn.NextReader()
		if err != nil {
			return socketEnd(err)
		}
		due := time.Now().After(at) && !l.isCalm()
		if due && next < anew {
			s.breakOff(next, reader)
			return ending{}
		}
		raw, err := io.ReadAll(reader)
		if err != nil {
			return socketEnd(err)
		}
		if end, over := s.receive(raw); over {
			return end
		}
		if !due {
			continue
		}
		if next == stall {
			l.rest(ctx, idle())
		} else if err := s.anew(); err != nil {
			return socketEnd(err)
		}
		plan()
	}
}

// plan draws what comes next on the socket, and when.
func (s *session) plan(stalls bool) (act, time.Time) {
	switch {
	case stalls:
		return stall, time.Now().Add(moment(500*time.Millisecond, 4*time.Second))
	case s.count < mostSubscriptions && mrand.IntN(2) == 0:
		return anew, time.Now().Add(moment(200*time.Millisecond, 2*time.Second))
	}
	return act(mrand.IntN(int(anew))), time.Now().Add(moment(200*time.Millisecond, 5*time.Second))
}

func (s *session) begin(key string, group []*watcher) error {
	hello := map[string]any{"type": "connection_init", "payload": map[string]string{"Authorization": "Bearer " + key}}
	if err := s.send(hello); err != nil {
		return err
	}
	var in struct{ Type string }
	for in.Type != "connection_ack" {
		if err := s.conn.ReadJSON(&in); err != nil {
			return err
		}
	}
	for _, w := range group {
		if err := s.subscribe(w); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) send(message any) error {
	_ = s.conn.SetWriteDeadline(time.Now().Add(15 * time.Second)) // the write tells
	return s.conn.WriteJSON(message)
}

func (s *session) subscribe(w *watcher) error {
	s.count++
	id := strconv.Itoa(s.count)
	s.watches[id] = w
	query, variables := w.subscribe()
	return s.send(map[string]any{"id": id, "type": "subscribe", "payload": map[string]any{"query": query, "variables": variables}})
}

// anew ends one subscription and begins it again at once. What still comes for the old
// one is not looked at.
func (s *session) anew() error {
	for id, w := range s.watches { // any
		delete(s.watches, id)
		if err := s.send(map[string]any{"id": id, "type": "complete"}); err != nil {
			return err
		}
		return s.subscribe(w)
	}
	return nil
}

func (s *session) breakOff(how act, frame io.Reader) {
	raw := s.conn.NetConn()
	switch how {
	case cutInFrame:
		_, _ = io.ReadFull(frame, make([]byte, 1+mrand.IntN(40)))
	case cutInOwn:
		_, _ = raw.Write([]byte{0x81, 0xfe, 0x01, 0x00, 1, 2, 3, 4, 5}) // a text of 256 bytes, of which one comes
	case reset:
		if tcp, ok := raw.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
	case leave:
		bye := websocket.FormatCloseMessage(websocket.CloseGoingAway, "")
		_ = s.conn.WriteControl(websocket.CloseMessage, bye, time.Now().Add(time.Second))
	}
	_ = raw.Close()
}

// receive handles a message. over: the socket is of no more use.
func (s *session) receive(raw []byte) (end ending, over bool) {
	var in struct {
		ID, Type string
		Payload  json.RawMessage
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		return ending{problem: fmt.Sprintf("a message that isn't JSON: %q", raw)}, true
	}
	w := s.watches[in.ID]
	switch in.Type {
	case "ping":
		if err := s.send(map[string]any{"type": "pong"}); err != nil {
			return socketEnd(err), true
		}
	case "next":
		if w == nil {
			return ending{}, false
		}
		event, errs := result(in.Payload)
		if event == nil {
			return ending{problem: inexcusable(errs)}, true
		}
		if w.take(event) { // the run is over: the socket goes on with the others, or with the next run
			return ending{}, true
		}
	case "error":
		if w != nil {
			var errs []refusal
			_ = json.Unmarshal(in.Payload, &errs)
			return ending{problem: inexcusable(errs)}, true
		}
	case "complete":
		if w != nil {
			return ending{problem: "the server completed an endless subscription"}, true
		}
	default:
		return ending{problem: fmt.Sprintf("an unknown message: %q", raw)}, true
	}
	return ending{}, false
}

// refusal is an error as the API tells it.
type refusal struct {
	Message    string
	Extensions struct{ Code string }
}

// result takes the event out of an execution result; nil: there is none. One that came
// with errors about a part of it is an event nonetheless.
func result(payload []byte) (event json.RawMessage, errs []refusal) {
	var r struct {
		Data   struct{ Event json.RawMessage }
		Errors []refusal
	}
	if err := json.Unmarshal(payload, &r); err != nil {
		return nil, []refusal{{Message: fmt.Sprintf("%v: %q", err, payload)}}
	}
	if string(r.Data.Event) == "null" {
		return nil, r.Errors
	}
	return r.Data.Event, r.Errors
}

// inexcusable is what is wrong with errors; "" where a fault may be behind them and
// the client is to go on from its cursor.
func inexcusable(errs []refusal) string {
	for _, e := range errs {
		switch e.Extensions.Code {
		case "INTERNAL", "UNAVAILABLE", "RATE_LIMITED":
		default:
			return fmt.Sprintf("refused: %s (%s)", e.Message, e.Extensions.Code)
		}
	}
	if len(errs) == 0 {
		return "neither an event nor an error"
	}
	return ""
}

// socketEnd says what an error of the connection means. Close codes beyond 4000 blame
// the client, but for those that ask it to come again.
func socketEnd(err error) ending {
	var e *websocket.CloseError
	if !errors.As(err, &e) {
		return ending{}
	}
	switch e.Code {
	case 4508:
		return ending{slow: true}
	case 4510:
		return ending{}
	}
	if e.Code >= 4000 || e.Code == websocket.CloseInternalServerErr || e.Code == websocket.CloseProtocolError {
		return ending{problem: fmt.Sprintf("closed with %d %s", e.Code, e.Text)}
	}
	return ending{}
}

// server is the address of one or the other.
func (l *Load) server() string { return l.in.Servers[mrand.IntN(len(l.in.Servers))].url }

// dialSocket connects; nil when that fails, which a fault excuses or not.
func dialSocket(ctx context.Context, server string, narrow bool) (*websocket.Conn, ending) {
	d := websocket.Dialer{HandshakeTimeout: 15 * time.Second, Subprotocols: []string{"graphql-transport-ws"}}
	if narrow {
		d.NetDialContext = narrowly
	}
	conn, res, err := d.DialContext(ctx, "ws"+strings.TrimPrefix(server, "http")+"/graphql", nil)
	if res != nil && res.Body != nil {
		_ = res.Body.Close()
	}
	switch {
	case err == nil:
		return conn, ending{}
	case res != nil && res.StatusCode < http.StatusInternalServerError && res.StatusCode != http.StatusTooManyRequests:
		return nil, ending{problem: "a WebSocket was refused: " + res.Status}
	}
	return nil, ending{}
}

// narrowly connects with little room for what isn't read, here and at the other end.
// Otherwise the system would keep some megabytes, and no server would see a stall.
func narrowly(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) error {
		var failed error
		err := raw.Control(func(fd uintptr) {
			failed = errors.Join(
				syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 8<<10),
				syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, 1400))
		})
		return errors.Join(err, failed)
	}}
	return d.DialContext(ctx, network, address)
}
