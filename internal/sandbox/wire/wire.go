// Package wire is what this program and its part inside a sandbox say to each other:
// a yamux session over any two-way connection, whose streams each carry one request.
// A stream begins with a frame of JSON, the Request, and is answered by a frame of
// JSON, a Reply; data frames come after the one or the other, and a further Reply ends
// what streams. yamux limits what either side must hold to 256 KiB a stream.
//
// What comes from inside is not trusted more than the commands that run there: frames
// and replies are limited in size, and the rest is checked where it is used.
package wire

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"time"

	"github.com/hashicorp/yamux"

	"github.com/zeblit/zeblit/internal/sandbox"
)

// Kind is what a frame holds.
type Kind uint8

// The kinds of frames. Output's are the numbers of sandbox.Stream.
const (
	Stdout Kind = Kind(sandbox.Stdout)
	Stderr Kind = Kind(sandbox.Stderr)
	Data   Kind = 3 // input of a command, pieces of an archive, lines of a list
	End    Kind = 4 // of data
	JSON   Kind = 5 // a Request or a Reply
)

// MaxData and MaxJSON are what a frame may hold, in bytes.
const (
	MaxData = sandbox.MaxChunk
	MaxJSON = 16 << 20
)

const header = 5 // the kind and the length

// Write writes a frame with one call of w.
func Write(w io.Writer, kind Kind, payload []byte) error {
	frame := make([]byte, header+len(payload))
	copy(frame[header:], payload)
	return WriteIn(w, kind, frame)
}

// Room is how many bytes WriteIn needs before the payload.
const Room = header

// WriteIn writes a frame whose payload is in place, after Room bytes.
func WriteIn(w io.Writer, kind Kind, frame []byte) error {
	frame[0] = byte(kind)
	binary.BigEndian.PutUint32(frame[1:], uint32(len(frame)-header))
	_, err := w.Write(frame)
	return err
}

// Read reads a frame into buffer, which it replaces by a larger one where JSON needs it.
func Read(r io.Reader, buffer []byte) (Kind, []byte, error) {
	var head [header]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	kind, size := Kind(head[0]), int(binary.BigEndian.Uint32(head[1:]))
	limit := MaxData
	if kind == JSON {
		limit = MaxJSON
	}
	if size > limit {
		return 0, nil, fmt.Errorf("a frame of %d bytes, %d are allowed", size, limit)
	}
	if size > len(buffer) {
		buffer = make([]byte, size)
	}
	if _, err := io.ReadFull(r, buffer[:size]); err != nil {
		return 0, nil, err
	}
	return kind, buffer[:size], nil
}

// WriteJSON writes a Request or a Reply.
func WriteJSON(w io.Writer, message any) error {
	raw, err := json.Marshal(message)
	if err != nil {
		return err
	}
	if len(raw) > MaxJSON {
		return fmt.Errorf("a message of %d bytes: %w", len(raw), sandbox.ErrTooMany)
	}
	return Write(w, JSON, raw)
}

// ReadJSON reads one, which must come next.
func ReadJSON(r io.Reader, message any) error {
	kind, raw, err := Read(r, nil)
	if err != nil {
		return err
	}
	if kind != JSON {
		return fmt.Errorf("a frame of kind %d where a message should be", kind)
	}
	return json.Unmarshal(raw, message)
}

// Config is yamux's, the same on both sides.
func Config() *yamux.Config {
	c := yamux.DefaultConfig()
	c.EnableKeepAlive = true
	c.KeepAliveInterval = 15 * time.Second
	c.ConnectionWriteTimeout = time.Minute // a host under load may be slow
	c.StreamOpenTimeout = 2 * time.Minute
	// Each side closes a stream when it is done with it, the inside last. Where that takes
	// longer it is stuck on what nobody reads.
	c.StreamCloseTimeout = 15 * time.Second
	c.LogOutput = nil
	c.Logger = log.New(io.Discard, "", 0)
	return c
}

// DataReader reads the data frames of a stream until End, and then what check makes of
// the Reply that follows, where there is one.
type DataReader struct {
	from   io.Reader
	buffer []byte
	rest   []byte
	err    error
	// After is called at End; its error is the reader's, io.EOF when nil.
	After func() error
}

// NewDataReader reads from a stream.
func NewDataReader(from io.Reader) *DataReader {
	return &DataReader{from: from, buffer: make([]byte, MaxData)}
}

func (d *DataReader) Read(p []byte) (int, error) {
	for len(d.rest) == 0 {
		if d.err != nil {
			return 0, d.err
		}
		kind, data, err := Read(d.from, d.buffer)
		switch {
		case errors.Is(err, io.EOF):
			d.err = io.ErrUnexpectedEOF
		case err != nil:
			d.err = err
		case kind == Data:
			d.rest = data
		case kind == End:
			d.err = io.EOF
			if d.After != nil {
				if err := d.After(); err != nil {
					d.err = err
				}
			}
		default:
			d.err = fmt.Errorf("a frame of kind %d among data", kind)
		}
	}
	n := copy(p, d.rest)
	d.rest = d.rest[n:]
	return n, nil
}

// DataWriter writes data frames; Close writes End.
type DataWriter struct {
	To    io.Writer
	frame [Room + MaxData]byte
}

func (d *DataWriter) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 {
		n := copy(d.frame[Room:], p)
		if err := WriteIn(d.To, Data, d.frame[:Room+n]); err != nil {
			return written, err
		}
		written += n
		p = p[n:]
	}
	return written, nil
}

// Close ends the data.
func (d *DataWriter) Close() error { return Write(d.To, End, nil) }
