package watch

import (
	"container/heap"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"strconv"
	"syscall"
	"time"
)

// Watcher is one socket with its subscription.
type Watcher struct {
	Project string
	// Last is the number of the latest event, Received how many have come.
	Last, Received int64
	// Closed is the code of the socket's end, 1006 where there was none; 0 while it is
	// open.
	Closed int
	// Why says more about it.
	Why error
	// ReceiveBuffer is SO_RCVBUF, for one that is to be slow; 0 leaves it to the system.
	// It is for the sockets that are opened later.
	ReceiveBuffer int

	index  int
	fd     int // -1: none
	state  state
	id     []byte
	cursor []byte
	rest   []byte // of a frame that has not come wholly
	due    time.Time
	begun  int64 // Received when Count was called
}

// Subscribed reports whether the watcher's subscription stands.
func (w *Watcher) Subscribed() bool { return w.state == live }

type state int

const (
	idle       state = iota
	connecting       // until the connection stands
	upgrading        // until the answer to the upgrade
	greeting         // until connection_ack
	beginning        // until the pong to the ping behind the subscription
	live
)

// sources is from how many loopback addresses the sockets come.
const sources = 16

// newID is a random UUID, as clients use for their subscriptions.
func newID() []byte {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Appendf(nil, "%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// open connects those whose time has come.
func (c *Crowd) open(now time.Time) {
	for len(c.later) > 0 && !c.later[0].due.After(now) {
		c.queue = append(c.queue, heap.Pop(&c.later).(*Watcher))
	}
	for len(c.queue) > 0 && (c.o.Opening == 0 || c.opening < c.o.Opening) {
		w := c.queue[0]
		if c.queue = c.queue[1:]; len(c.queue) == 0 {
			c.queue = nil
		}
		c.opening++
		w.state, w.Closed = connecting, 0
		if err := c.connect(w); err != nil {
			c.gone(w, err)
		}
	}
}

func (c *Crowd) connect(w *Watcher) error {
	host, port, err := net.SplitHostPort(c.o.Address)
	if err != nil {
		return err
	}
	to := &syscall.SockaddrInet4{}
	copy(to.Addr[:], net.ParseIP(host).To4())
	if to.Port, err = strconv.Atoi(port); err != nil {
		return err
	}
	if w.fd, err = syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0); err != nil {
		return err
	}
	if w.ReceiveBuffer > 0 {
		if err := syscall.SetsockoptInt(w.fd, syscall.SOL_SOCKET, syscall.SO_RCVBUF, w.ReceiveBuffer); err != nil {
			return err
		}
	}
	from := &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, byte(2 + w.index%sources)}}
	const bindWithoutPort = 24 // IP_BIND_ADDRESS_NO_PORT of ip(7), which package syscall lacks
	if err := syscall.SetsockoptInt(w.fd, syscall.IPPROTO_IP, bindWithoutPort, 1); err != nil {
		return err
	}
	if err := syscall.Bind(w.fd, from); err != nil {
		return err
	}
	if err := syscall.Connect(w.fd, to); err != nil && err != syscall.EINPROGRESS { //nolint:errorlint // an Errno
		return err
	}
	return c.control(w, syscall.EPOLL_CTL_ADD, syscall.EPOLLIN|syscall.EPOLLOUT)
}

func (c *Crowd) control(w *Watcher, act int, events uint32) error {
	return syscall.EpollCtl(c.epoll, act, w.fd, &syscall.EpollEvent{Events: events, Fd: int32(w.index)})
}

func (c *Crowd) ready(w *Watcher, events uint32) {
	if w.fd < 0 {
		return // ended in this round already
	}
	if w.state != connecting {
		c.receive(w)
		return
	}
	if code, err := syscall.GetsockoptInt(w.fd, syscall.SOL_SOCKET, syscall.SO_ERROR); err != nil || code != 0 {
		c.gone(w, syscall.Errno(code))
		return
	}
	if events&syscall.EPOLLOUT == 0 {
		return
	}
	if err := c.control(w, syscall.EPOLL_CTL_MOD, syscall.EPOLLIN); err != nil {
		c.gone(w, err)
		return
	}
	w.state = upgrading
	var key [16]byte
	_, _ = rand.Read(key[:])
	c.write(w, fmt.Appendf(nil, "GET /graphql HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\nSec-WebSocket-Key: %s\r\n\r\n",
		c.o.Address, base64.StdEncoding.EncodeToString(key[:])))
}

// greet is sent once the socket stands.
func (c *Crowd) greet(w *Watcher) {
	w.state = greeting
	payload := map[string]string{}
	if c.o.Key != "" {
		payload["Authorization"] = "Bearer " + c.o.Key
	}
	c.send(w, map[string]any{"type": "connection_init", "payload": payload})
}

// subscribe is sent once the socket is acknowledged. Nothing says that a subscription
// stands; that the ping behind it is answered says that the server has read it.
func (c *Crowd) subscribe(w *Watcher) {
	w.state = beginning
	variables := map[string]any{"id": w.Project}
	if len(w.cursor) > 0 {
		variables["after"] = string(w.cursor)
	}
	c.send(w, map[string]any{"id": string(w.id), "type": "subscribe", "payload": map[string]any{"query": c.o.Query, "variables": variables}})
	c.send(w, map[string]any{"type": "ping"})
}

func (c *Crowd) send(w *Watcher, message any) {
	raw, err := json.Marshal(message)
	if err != nil {
		c.gone(w, err)
		return
	}
	c.write(w, frame(textFrame, raw))
}

// write sends what a client says, which is little enough for any buffer.
func (c *Crowd) write(w *Watcher, b []byte) {
	if n, err := syscall.Write(w.fd, b); err != nil || n < len(b) {
		c.gone(w, fmt.Errorf("write: %d of %d bytes: %w", n, len(b), err))
	}
}

const (
	textFrame  = 1
	closeFrame = 8
	pingFrame  = 9
	pongFrame  = 10
)

// frame is masked with zeros, as a client's must be masked.
func frame(opcode byte, payload []byte) []byte {
	b := []byte{0x80 | opcode}
	if len(payload) < 126 {
		b = append(b, 0x80|byte(len(payload)))
	} else {
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(len(payload)))
	}
	return append(append(b, 0, 0, 0, 0), payload...)
}

// gone is the end of a socket that this side did not want.
func (c *Crowd) gone(w *Watcher, why error) {
	was := w.state
	c.release(w)
	if w.Why = why; w.Closed == 0 {
		w.Closed = 1006
	}
	switch {
	case was == live:
		c.Ended++
		if c.o.Again == nil {
			c.problem("a socket ended with %d: %v", w.Closed, why)
		}
	case was == connecting && c.o.Again != nil:
		c.Refused++
	default:
		c.Failed++
		c.problem("a socket failed with %d in state %d: %v", w.Closed, was, why)
	}
	if c.o.Again != nil {
		w.due = time.Now().Add(c.o.Again())
		heap.Push(&c.later, w)
	}
}

// release closes what the watcher has open.
func (c *Crowd) release(w *Watcher) {
	switch w.state {
	case live:
		c.Subscribed--
	case connecting, upgrading, greeting, beginning:
		c.opening--
	}
	w.state, w.rest = idle, nil
	if w.fd >= 0 {
		_ = syscall.Close(w.fd)
		w.fd = -1
	}
}

// later is a heap by time.
type later []*Watcher

func (l later) Len() int           { return len(l) }
func (l later) Less(i, j int) bool { return l[i].due.Before(l[j].due) }
func (l later) Swap(i, j int)      { l[i], l[j] = l[j], l[i] }
func (l *later) Push(w any)        { *l = append(*l, w.(*Watcher)) }
func (l *later) Pop() any {
	old := *l
	w := old[len(old)-1]
	*l = old[:len(old)-1]
	return w
}
