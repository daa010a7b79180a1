package sseproto

import (
	"sync"

	"github.com/zeblit/zeblit/internal/server/outbox"
)

// batchBytes is about how much leaves in one write.
const batchBytes = 16 << 10

// buffers are shared by all streams: an idle one holds none.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// event is what waits to be written: a `next` event, or a comment.
type event struct {
	id      string
	payload []byte // JSON; never written to
	comment bool
}

// Cost implements outbox.Message.
func (e event) Cost() int { return len(e.id) + len(e.payload) + outbox.Overhead }

// Refused implements outbox.Message.
func (event) Refused() bool { return false }

// Withdrawn implements outbox.Message.
func (event) Withdrawn() bool { return false }

func appendEvent(buf []byte, e *event) []byte {
	if e.comment {
		return append(buf, ":\n\n"...)
	}
	buf = append(buf, "event: next\n"...)
	if e.id != "" {
		buf = append(append(append(buf, "id: "...), e.id...), '\n')
	}
	buf = append(buf, "data: "...)
	start := len(buf)
	buf = append(buf, e.payload...)
	for i := start; i < len(buf); i++ {
		// JSON has line ends only between its tokens, where a space is as good.
		if buf[i] == '\n' || buf[i] == '\r' {
			buf[i] = ' '
		}
	}
	return append(buf, "\n\n"...)
}

func appendEnding(buf []byte, e ending) []byte {
	switch {
	case e.complete:
		// Without a data field EventSource would not tell its page.
		return append(buf, "event: complete\ndata: \n\n"...)
	case e.comment != "":
		return append(append(append(buf, ": "...), e.comment...), "\n\n"...)
	}
	return buf
}
