package wsproto

import (
	"encoding/binary"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// batchBytes is about how much leaves in one write.
const batchBytes = 64 << 10

// buffers are shared by all sockets: an idle one holds none.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// writeLoop writes what is in the outbox until its ending, and pings in between.
// It is the socket's only writer of data. (The reader writes a close frame itself
// when a client's frame is malformed. As both write whole frames in one call each,
// they can't interleave.)
func (c *conn) writeLoop() {
	ping := time.NewTicker(c.h.cfg.PingInterval)
	defer ping.Stop()
	for {
		select {
		case <-c.out.Wake():
		case <-ping.C:
			c.send(message{opcode: websocket.PingMessage})
		}
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
		out, cost, last := c.out.Take((*buffer)[:0], batchBytes, appendFrame)
		if last != nil && !last.silent {
			out = appendClose(out, last.code, last.reason)
		}
		*buffer = out
		if len(out) > 0 {
			_ = c.net.SetWriteDeadline(time.Now().Add(c.h.cfg.WriteTimeout)) // Write reports it
			_, err := c.net.Write(out)
			c.out.Wrote(cost)
			if err != nil {
				c.end(gone)
				c.breakOff()
				return false
			}
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
