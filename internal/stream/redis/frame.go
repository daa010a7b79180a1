package redis

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/stream"
)

// A frame is one message of a project's channel: its version, the node that it is
// from, and events one after another. An event is its number and time as varints,
// then type, run and payload, each after its length. A frame without events says
// that some could not be sent.
//
// Nodes of different versions run side by side during a deployment: a frame of an
// unknown version counts as one without events.
const frameVersion = 1

const (
	// frameBytes is about where a frame ends and the next begins: a subscriber that
	// holds on to one event holds its whole frame.
	frameBytes = 64 << 10
	headerLen  = 1 + len(nodeID{})
)

// nodeID tells a node's own frames from those of others.
type nodeID [8]byte

func newFrame(node nodeID) []byte {
	return append([]byte{frameVersion}, node[:]...)
}

func appendEvent(frame []byte, e stream.Event) []byte {
	frame = binary.AppendUvarint(frame, uint64(e.Seq))
	frame = binary.AppendVarint(frame, e.At.UnixMicro())
	frame = appendBytes(frame, string(e.Type))
	frame = appendBytes(frame, e.RunID)
	return appendBytes(frame, string(e.Payload))
}

func appendBytes(frame []byte, s string) []byte {
	return append(binary.AppendUvarint(frame, uint64(len(s))), s...)
}

var errFrame = errors.New("a frame from Redis can't be read")

// decode returns a frame's events; own says that this node sent it. The events'
// payloads are parts of one copy of it. An unknown version and a broken frame are errors.
func decode(projectID, frame string, self nodeID) (events []stream.Event, own bool, err error) {
	if len(frame) < headerLen || frame[0] != frameVersion {
		return nil, false, fmt.Errorf("%w: its version is unknown", errFrame)
	}
	if frame[1:headerLen] == string(self[:]) {
		return nil, true, nil
	}
	r := reader{rest: []byte(frame[headerLen:])}
	for len(r.rest) > 0 && !r.failed {
		e := stream.Event{Project: projectID, Seq: int64(r.uvarint()), At: time.UnixMicro(r.varint()).UTC()}
		e.Type = enum.EventType(r.bytes())
		e.RunID = string(r.bytes())
		e.Payload = r.bytes()
		events = append(events, e)
	}
	if r.failed {
		return nil, false, fmt.Errorf("%w: it is cut off", errFrame)
	}
	return events, false, nil
}

type reader struct {
	rest   []byte
	failed bool
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	r.skip(n)
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.rest)
	r.skip(n)
	return v
}

func (r *reader) skip(n int) {
	if n <= 0 {
		r.rest, r.failed = nil, true
		return
	}
	r.rest = r.rest[n:]
}

func (r *reader) bytes() []byte {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.rest, r.failed = nil, true
		return nil
	}
	out := r.rest[:n:n]
	r.rest = r.rest[n:]
	return out
}
