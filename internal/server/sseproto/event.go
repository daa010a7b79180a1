package sseproto

import (
	"encoding/json"
	"sync"

	"github.com/zeblit/zeblit/internal/server/outbox"
)

// batchBytes is about how much leaves in one write.
const batchBytes = 64 << 10

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

// maxID is the longest cursor that becomes an event's id, in bytes.
const maxID = 256

// cursorOf is the `cursor` of a response's root field, when it has one that can be
// an id.
func cursorOf(data []byte) string {
	var root map[string]json.RawMessage
	if json.Unmarshal(data, &root) != nil {
		return ""
	}
	for _, raw := range root {
		var fields struct {
			Cursor any `json:"cursor"`
		}
		if json.Unmarshal(raw, &fields) != nil {
			return ""
		}
		if cursor, ok := fields.Cursor.(string); ok && isID(cursor) {
			return cursor
		}
	}
	return ""
}

// isID keeps what would break a line out of it.
func isID(text string) bool {
	for i := range len(text) {
		if text[i] <= ' ' || text[i] > '~' {
			return false
		}
	}
	return text != "" && len(text) <= maxID
}
