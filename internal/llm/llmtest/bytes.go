package llmtest

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
)

// bytesOut is how the bytes of an answer go out.
type bytesOut struct {
	alter []func(string) string // of each event, in order
	drip  bool
	limit int // stop after so many; 0: never
	end   func()
	sent  int
}

func (a *answer) write(sse string) {
	for _, alter := range a.bytes.alter {
		sse = alter(sse)
	}
	if left := a.bytes.limit - a.bytes.sent; a.bytes.limit > 0 && len(sse) >= left {
		a.send(sse[:left])
		a.bytes.end()
	}
	if !a.bytes.drip {
		a.send(sse)
		return
	}
	for i := range len(sse) {
		a.send(sse[i : i+1])
	}
}

func (a *answer) send(s string) {
	a.bytes.sent += len(s)
	if _, err := io.WriteString(a.w, s); err != nil {
		a.drop()
	}
	if err := http.NewResponseController(a.w).Flush(); err != nil {
		a.drop()
	}
}

// CutBytes drops the connection after so many bytes of the stream, 1 at least.
func CutBytes(n int) Step { return stopAfter(n, (*answer).drop) }

// EndBytes ends the stream in good order after so many of its bytes, 1 at least.
func EndBytes(n int) Step { return stopAfter(n, (*answer).end) }

func stopAfter(n int, end func(*answer)) Step {
	return Step{before: func(a *answer) { a.bytes.limit, a.bytes.end = n, func() { end(a) } }}
}

// Drip sends the stream byte by byte.
func Drip() Step { return Step{before: func(a *answer) { a.bytes.drip = true }} }

func alter(f func(string) string) Step {
	return Step{before: func(a *answer) { a.bytes.alter = append(a.bytes.alter, f) }}
}

// CRLF ends the stream's lines with both characters.
func CRLF() Step {
	return alter(func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") })
}

// Mark begins the stream with a byte order mark.
func Mark() Step {
	return Step{before: func(a *answer) {
		a.bytes.alter = append(a.bytes.alter, func(s string) string {
			if a.bytes.sent > 0 {
				return s
			}
			return "\ufeff" + s
		})
	}}
}

// Comments puts comments between and into the events.
func Comments() Step {
	return alter(func(s string) string {
		return ": keep-alive\n\n" + strings.Replace(s, "data: ", ": {\"not\": \"data\"\ndata: ", 1)
	})
}

// Lines spreads the JSON of each event over several lines of data.
func Lines() Step {
	return alter(func(s string) string {
		head, data, ok := strings.Cut(strings.TrimSuffix(s, "\n\n"), "data: ")
		var indented bytes.Buffer
		if !ok || json.Indent(&indented, []byte(data), "", " ") != nil {
			return s
		}
		return head + "data: " + strings.ReplaceAll(indented.String(), "\n", "\ndata: ") + "\n\n"
	})
}

// hijacked takes the connection from HTTP, and closes it when it is done.
func (a *answer) hijacked(use func(net.Conn)) {
	conn, _, err := http.NewResponseController(a.w).Hijack()
	if err != nil {
		panic("llmtest: " + err.Error())
	}
	use(conn)
	_ = conn.Close()
	a.end()
}

// Reset resets the connection without a word of an answer.
func Reset() Step {
	return Step{run: func(a *answer) {
		a.hijacked(func(c net.Conn) {
			if tcp, ok := c.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0)
			}
		})
	}}
}

// HalfHead closes the connection in the middle of the answer's headers.
func HalfHead() Step {
	return Step{run: func(a *answer) {
		a.hijacked(func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/ev") })
	}}
}
