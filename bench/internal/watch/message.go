package watch

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"syscall"
	"time"
)

// receive reads once what there is, and handles the frames in it.
func (c *Crowd) receive(w *Watcher) {
	kept := copy(c.buffer, w.rest)
	n, err := syscall.Read(w.fd, c.buffer[kept:])
	switch {
	case err == syscall.EAGAIN || err == syscall.EINTR: //nolint:errorlint // an Errno
		return
	case err != nil:
		c.gone(w, err)
		return
	case n == 0:
		c.gone(w, errors.New("the connection ended"))
		return
	}
	now := time.Now().UnixMicro()
	data := c.buffer[:kept+n]
	if w.state == upgrading {
		head, rest, found := bytes.Cut(data, []byte("\r\n\r\n"))
		if found && !bytes.HasPrefix(head, []byte("HTTP/1.1 101 ")) {
			c.gone(w, fmt.Errorf("the upgrade was answered %q", data[:min(len(data), 200)]))
			return
		}
		if found {
			data = rest
			c.greet(w)
		}
	}
	for w.fd >= 0 && w.state != upgrading {
		opcode, payload, rest, ok := next(data)
		if !ok {
			break
		}
		data = rest
		c.handle(w, opcode, payload, now)
	}
	switch {
	case w.fd < 0: // it has ended meanwhile
	case len(data) == len(c.buffer):
		c.gone(w, errors.New("a frame that is too large"))
	default:
		w.rest = append(w.rest[:0], data...)
	}
}

// next takes one frame off. Servers send whole messages in one, unmasked.
func next(data []byte) (opcode byte, payload, rest []byte, ok bool) {
	if len(data) < 2 {
		return 0, nil, nil, false
	}
	size, begin := int(data[1]), 2
	switch size {
	case 126:
		if len(data) < 4 {
			return 0, nil, nil, false
		}
		size, begin = int(binary.BigEndian.Uint16(data[2:])), 4
	case 127:
		if len(data) < 10 {
			return 0, nil, nil, false
		}
		size, begin = int(binary.BigEndian.Uint64(data[2:])), 10
	}
	if len(data) < begin+size {
		return 0, nil, nil, false
	}
	return data[0], data[begin : begin+size], data[begin+size:], true
}

func (c *Crowd) handle(w *Watcher, first byte, payload []byte, now int64) {
	const final = 0x80
	switch first {
	case final | textFrame:
		if !c.event(w, payload, now) {
			c.message(w, payload)
		}
	case final | pingFrame:
		c.write(w, frame(pongFrame, payload))
	case final | pongFrame:
	case final | closeFrame:
		reason := ""
		if len(payload) >= 2 {
			w.Closed = int(binary.BigEndian.Uint16(payload))
			reason = string(payload[2:])
		}
		c.write(w, frame(closeFrame, payload))
		if w.fd >= 0 {
			c.gone(w, errors.New("the server closed it: "+reason))
		}
	default:
		c.gone(w, fmt.Errorf("a frame that begins with %#x", first))
	}
}

var (
	cursorKey = []byte(`"cursor":"`)
	seqKey    = []byte(`"seq":`)
	textKey   = []byte(`"text":"`)
	resetType = []byte(`"STREAM_RESET"`)
)

// event checks and counts the message, if it is one of the subscription's events.
func (c *Crowd) event(w *Watcher, m []byte, now int64) bool {
	at := bytes.Index(m, cursorKey)
	if at < 0 {
		return false
	}
	cursor := m[at+len(cursorKey):]
	cursor = cursor[:bytes.IndexByte(cursor, '"')]
	rest := m[at+len(cursorKey)+len(cursor):]
	at = bytes.Index(rest, seqKey)
	if at < 0 {
		return false
	}
	var seq int64
	for _, digit := range rest[at+len(seqKey):] {
		if digit < '0' || digit > '9' {
			break
		}
		seq = 10*seq + int64(digit-'0')
	}
	if !bytes.Contains(m, w.id) {
		c.problem("an event of another subscription: %s", m)
	}
	if seq != w.Last+1 && (w.Received > 0 || w.Last != FromNow) {
		c.disorder(w, m, seq)
	}
	w.Last = max(w.Last, seq)
	w.cursor = append(w.cursor[:0], cursor...)
	w.Received++
	c.Delivered++
	c.count.event(w)
	if c.o.Hear != nil {
		c.o.Hear(w, m)
	}
	if c.late.on {
		if at = bytes.Index(rest, textKey); at >= 0 {
			c.late.note(rest[at+len(textKey):], now)
		}
	}
	return true
}

func (c *Crowd) disorder(w *Watcher, m []byte, seq int64) {
	switch {
	case bytes.Contains(m, resetType):
		c.Resets++
	case seq <= w.Last:
		c.Doubles++
		c.problem("event %d came after %d", seq, w.Last)
	default:
		c.Gaps++
		c.problem("event %d came after %d", seq, w.Last)
	}
}

// message handles what is no event.
func (c *Crowd) message(w *Watcher, m []byte) {
	var said struct{ Type string }
	if err := json.Unmarshal(m, &said); err != nil {
		c.gone(w, fmt.Errorf("%w: %q", err, m))
		return
	}
	switch {
	case said.Type == "connection_ack" && w.state == greeting:
		c.subscribe(w)
	case said.Type == "pong":
		if w.state == beginning {
			w.state = live
			c.opening--
			c.Subscribed++
		}
	case said.Type == "ping":
		c.write(w, frame(textFrame, []byte(`{"type":"pong"}`)))
	case said.Type == "complete" && w.state == idle:
	default:
		c.gone(w, fmt.Errorf("the server says %s", m))
	}
}
