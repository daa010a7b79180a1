package wsproto

import (
	"encoding/binary"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// batchBytes is about how much leaves in one write.
const batchBytes = 16 << 10

// buffers are shared by all sockets: an idle one holds none.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// ping is the heartbeat.
func (c *conn) ping() { c.send(message{opcode: websocket.PingMessage}) }

// wake is called when there is something in the outbox.
func (c *conn) wake() {
	select {
	case c.woken <- struct{}{}:
	default:
	}
}

// writeLoop writes what is in the outbox until its ending. It is the socket's only
// writer of data. (The reader writes a close frame itself when a client's frame is
// malformed. As both write whole frames in one call each, they can't interleave.)
func (c *conn) writeLoop() {
	for range c.woken {
		if !c.flush() {
			return
		}
	}
}

// flush writes until the outbox is empty. It reports whether to go on: not after
// the ending, nor after a failure.
func (c *conn) flush() bool {
	buffer := buffers.Get().(*[]byte)
	defer func() {
		if cap(*buffer) <= 2*batchBytes { // a large one is left to the collector
			buffers.Put(buffer)
		}
	}()
	for {
		taken := c.out.Take((*buffer)[:0], batchBytes, c.frame)
		out, last := taken.Bytes, taken.Ending
		if last != nil && !last.silent {
			out = appendClose(out, last.code, last.reason)
		}
		*buffer = out
		if len(out) > 0 {
			c.allowWrite()
			err := c.writeAll(out)
			c.out.Wrote(taken.Cost)
			if err != nil {
				c.end(gone)
				c.breakOff()
				return false
			}
			c.h.counts.writes.Add(1)
			c.h.counts.frames.Add(int64(taken.Messages))
		}
		if last != nil {
			c.awaitClose()
			return false
		}
		if len(out) == 0 {
			return true
		}
	}
}

// writeAll writes out. A client that doesn't read within the time is too slow: it is told
// so if it reads what is under way within as much time again.
func (c *conn) writeAll(out []byte) error {
	n, err := c.net.Write(out)
	if errors.Is(err, os.ErrDeadlineExceeded) && c.end(tooSlow) {
		_, err = c.net.Write(out[n:])
	}
	return err
}

// allowWrite gives the next write its time. Setting a deadline is dear where thousands
// write: it is done now and then, so that a write may have a tenth less.
func (c *conn) allowWrite() {
	if now := time.Now(); now.Sub(c.allowed) > c.h.cfg.WriteTimeout/10 {
		c.allowed = now
		_ = c.net.SetWriteDeadline(now.Add(c.h.cfg.WriteTimeout)) // the write reports it
	}
}

// appendFrame appends m as one unfragmented, unmasked frame.
func appendFrame(buf []byte, m *message) []byte {
	size := len(m.head) + len(m.payload)
	if m.payload != nil {
		size++
	}
	buf = appendFrameHeader(buf, m.opcode, size)
	buf = append(buf, m.head...)
	if m.payload != nil {
		buf = append(append(buf, m.payload...), '}')
	}
	return buf
}

func appendFrameHeader(buf []byte, opcode byte, size int) []byte {
	const final = 0x80
	buf = append(buf, final|opcode)
	switch {
	case size < 126:
		return append(buf, byte(size))
	case size < 1<<16:
		return binary.BigEndian.AppendUint16(append(buf, 126), uint16(size))
	default:
		return binary.BigEndian.AppendUint64(append(buf, 127), uint64(size))
	}
}

func appendClose(buf []byte, code int, reason string) []byte {
	payload := websocket.FormatCloseMessage(code, reason)
	return append(appendFrameHeader(buf, websocket.CloseMessage, len(payload)), payload...)
}
