package stream

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
)

// What a STREAM_RESET says.
const (
	reasonHorizon = "the events after this cursor are no longer kept: read the project anew and go on from here"
	reasonUnknown = "the log doesn't reach this cursor: read the project anew and go on from here"
)

// Reader is one reader's way through a project's log. One goroutine at a time calls
// Next and Last; it has none of its own.
type Reader struct {
	room   *room
	last   int64
	epoch  int    // of the room, when last was right
	owes   string // the reason of the STREAM_RESET that comes next
	resume *look  // where it goes on then, if that still stands; nil: where the log ends by then
	closed atomic.Bool
}

// Follow reads a project's log behind number after (FromNow: from now on). ctx bounds
// the call alone: the reader goes on until Close, which must be called. A project that
// doesn't exist is NOT_FOUND, and an error of the database is returned, not repeated;
// right after one, the call waits for up to two seconds before it asks again.
//
// Why a reader misses nothing where the log ends and the live events begin:
//
//   - A reader goes by numbers only. What it is given follows the number it is at,
//     whether it comes from the ring or from the log; where the ring doesn't have the
//     next number, it comes from the log. The ring and the log hold the same events,
//     so it doesn't matter when a reader goes from one to the other, or how often.
//   - So all that could be missed is that there is something to read. The room listens
//     to the carrier before anyone reads where the log ends. What is committed
//     before that look is below its head; what is committed after it is announced to a
//     room that listens already.
//   - What the carrier loses all the same shows as a gap in the numbers, or by the next
//     look of the heads. Either moves the end of the ring behind it, and that is what
//     sends the readers to the log.
func (h *Hub) Follow(ctx context.Context, handle access.StreamHandle, after int64) (*Reader, error) {
	room := h.enter(handle)
	l, err := room.look(ctx, func(p position) bool { return after >= p.horizon && after <= p.head })
	if err != nil {
		h.leave(room)
		return nil, err
	}
	r := &Reader{room: room, last: after, epoch: l.epoch}
	switch {
	case after < 0:
		r.last = l.head
	case after > l.head:
		r.owes, r.resume = reasonUnknown, l
	case after < l.horizon:
		r.owes, r.resume = reasonHorizon, l
	}
	return r, nil
}

// Next waits until there is something and returns it: events in order, without a gap,
// none twice. The slice and what it holds are shared and must not be changed.
//
// Where the log can't go on, because it was compacted beyond the reader or never had
// its number, it is one STREAM_RESET. Its number is the head's, and the next events are
// those behind it.
//
// The error is ctx's, or NOT_FOUND once the project is gone. Reads of the log that fail
// are repeated until they succeed.
func (r *Reader) Next(ctx context.Context) ([]Event, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if r.closed.Load() {
			return nil, errors.New("stream: Next after Close")
		}
		if r.owes != "" {
			return r.reset(ctx)
		}
		events, wait, err := r.room.serve(r)
		if wait != nil {
			select {
			case <-wait:
			case <-ctx.Done():
			}
			continue
		}
		if err == nil && events == nil && r.owes == "" {
			events, err = r.readLog(ctx)
		}
		if err != nil {
			return nil, err
		}
		if len(events) > 0 {
			r.last = events[len(events)-1].Seq
			return events, nil
		}
	}
}

// serve returns what the ring has for the reader, or what it is to wait for. Neither:
// what it needs is in the log, or it owes a reset.
func (r *room) serve(reader *Reader) (events []Event, wait <-chan struct{}, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if reader.epoch != r.epoch {
		// The database was set back. What it gave to the reader beyond that isn't so any more.
		if reader.last > r.cut || reader.epoch < r.epoch-1 {
			reader.owes = reasonUnknown
			return nil, nil, nil
		}
		reader.epoch = r.epoch
	}
	if events = r.ring.behind(reader.last); events != nil {
		r.hub.counts.ringHits.Add(1)
		return events, nil, nil
	}
	switch {
	case r.gone:
		return nil, nil, problem.Missing("projectId", "project")
	case reader.last < r.horizon:
		reader.owes = reasonHorizon
	case reader.last >= r.ring.last:
		if r.changed == nil {
			r.changed = make(chan struct{})
		}
		return nil, r.changed, nil
	}
	return nil, nil, nil
}

// readLog takes from the log what the ring no longer has. None: what the room knows has
// changed, or the reader owes a reset.
func (r *Reader) readLog(ctx context.Context) ([]Event, error) {
	events, err := r.room.page(ctx, r.last, r.epoch)
	switch {
	case errors.Is(err, errSetBack):
		return nil, nil
	case err != nil || len(events) > 0:
		return events, err
	}
	// The log had the next event, and hasn't now. Where it has later ones, the horizon
	// has overtaken this reader; else the look lets the room know what has happened.
	l, err := r.room.lookUntil(ctx, func(position) bool { return false })
	if err == nil && l.epoch == r.epoch && l.head > r.last {
		r.owes = reasonHorizon
	}
	return nil, err
}

// reset goes on at the head.
func (r *Reader) reset(ctx context.Context) ([]Event, error) {
	l := r.resume
	if l == nil || !r.room.stands(l) {
		var err error
		if l, err = r.room.lookUntil(ctx, func(position) bool { return true }); err != nil {
			return nil, err
		}
	}
	payload, err := compactJSON(ResetPayload{V: 1, Reason: r.owes})
	if err != nil {
		return nil, err
	}
	r.last, r.epoch, r.owes, r.resume = l.head, l.epoch, "", nil
	r.room.hub.counts.resets.Add(1)
	return []Event{{
		Project: r.room.handle.Project(), Seq: r.last, Type: enum.EventStreamReset,
		At: time.UnixMicro(time.Now().UnixMicro()).UTC(), Payload: payload,
	}}, nil
}

// Last is the number up to which the reader has been served.
func (r *Reader) Last() int64 { return r.last }

// Close leaves the room. It may be called twice, but not while Next runs.
func (r *Reader) Close() {
	if !r.closed.Swap(true) {
		r.room.hub.leave(r.room)
	}
}
