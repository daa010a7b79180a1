package stream

import (
	"context"
	"log/slog"
	"time"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
)

const (
	// channelSize is how far a subscription reads ahead of its consumer. When it is
	// full, the subscription waits; writers and other subscribers don't.
	channelSize = 64
	// pageSize is how many events one read of the log takes.
	pageSize = 128
	// retryFirst and retryMost are the pauses between attempts to read the log.
	retryFirst = 50 * time.Millisecond
	retryMost  = 2 * time.Second
)

// FromNow begins a subscription behind the latest event.
const FromNow int64 = -1

// Hub tells subscribers of a project's events.
type Hub struct {
	log     *Log
	carrier Carrier
	heads   *heads
	logger  *slog.Logger
}

// NewHub makes a Hub that reads log and is woken by carrier.
func NewHub(log *Log, carrier Carrier, logger *slog.Logger) *Hub {
	return &Hub{log: log, carrier: carrier, heads: newHeads(log, carrier, logger), logger: logger}
}

// Run waits for the end of ctx. Subscriptions end with their own contexts, not
// with this one: whoever serves them decides how their clients learn of it.
func (h *Hub) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Subscribe yields the project's events after number after (FromNow: those from
// now on), in order, without a gap and none twice, as far as keep wants them (nil:
// all). The channel is closed when ctx ends or the project is gone.
//
// Where the log can't go on from that number, because it is below the horizon or
// was never given, one STREAM_RESET comes instead, whatever keep says. Its number
// is the head's: the consumer reads the project anew and goes on from there.
//
// A consumer that stops reading holds up nobody: it is later served from the log.
func (h *Hub) Subscribe(ctx context.Context, handle access.StreamHandle, after int64, keep func(Event) bool) (<-chan Event, error) {
	s := &subscription{
		hub: h, handle: handle, keep: keep,
		out: make(chan Event, channelSize), inbox: newInbox(),
	}
	// First the carrier, then the head: what commits in between comes twice and is
	// recognised by its number.
	watched, cancel := h.listen(handle.Project(), s.inbox)
	head, horizon, err := h.log.Head(ctx, handle)
	if err != nil {
		cancel()
		return nil, err
	}
	watched.raise(head)
	s.last = after
	behind := after < head
	switch {
	case after < 0:
		s.last, behind = head, false
	case after > head:
		s.resetTo(head, reasonUnknown)
	case after < horizon:
		s.resetTo(head, reasonHorizon)
		behind = false
	}
	go func() {
		defer close(s.out)
		defer cancel()
		s.serve(ctx, behind)
	}()
	return s.out, nil
}

// listen fills the inbox with what the carrier brings and with where the log stands.
func (h *Hub) listen(projectID string, b *inbox) (w *watched, cancel func()) {
	w, leave := h.heads.watch(projectID, b)
	hear := func(e Event) {
		w.hear(e)
		b.push(e)
	}
	deaf := h.carrier.Subscribe(projectID, hear, func() { h.heads.lost(w) })
	return w, func() {
		deaf()
		leave()
	}
}

// What a STREAM_RESET says.
const (
	reasonHorizon = "the events after this cursor are no longer kept: read the project anew and go on from here"
	reasonUnknown = "the log doesn't reach this cursor: read the project anew and go on from here"
)

// subscription is one subscriber's way through the log. Its goroutine alone uses
// it, but for the inbox.
type subscription struct {
	hub    *Hub
	handle access.StreamHandle
	keep   func(Event) bool
	out    chan Event
	inbox  *inbox
	last   int64 // the number up to which the subscriber has been served
}

// resetTo goes on at head. It needs room in out or is called before serve; see
// reset for the other case.
func (s *subscription) resetTo(head int64, reason string) {
	s.last = head
	s.out <- s.resetEvent(reason)
}

func (s *subscription) resetEvent(reason string) Event {
	payload, _ := compactJSON(ResetPayload{V: 1, Reason: reason}) // can't fail: two plain fields
	return Event{
		Project: s.handle.Project(), Seq: s.last, Type: enum.EventStreamReset,
		At: time.UnixMicro(time.Now().UnixMicro()).UTC(), Payload: payload,
	}
}

// serve runs until ctx ends or the project is gone. behind says that the log is
// known to hold events after last.
func (s *subscription) serve(ctx context.Context, behind bool) {
	for {
		var ok bool
		if behind {
			ok = s.retry(ctx, s.catchUp)
		} else {
			ok = s.deliverLive(ctx)
		}
		if !ok {
			return
		}
		behind = false
		select {
		case <-ctx.Done():
			return
		case <-s.inbox.wake:
		}
	}
}

// deliverLive passes on what the carrier has brought, and reads the log where a
// number is missing. false: the subscription is over.
func (s *subscription) deliverLive(ctx context.Context) bool {
	events, lost, seen := s.inbox.take()
	if lost && !s.retry(ctx, s.catchUp) {
		return false
	}
	for _, e := range events {
		switch {
		case e.Seq <= s.last: // came twice, or was read from the log already
		case e.Seq == s.last+1:
			if !s.deliver(ctx, e) {
				return false
			}
		default:
			// The log holds all that the carrier has brought, and so the rest of these too.
			if !s.retry(ctx, s.catchUp) {
				return false
			}
		}
	}
	return seen == nil || s.compare(ctx, *seen)
}

// compare finds what the carrier has lost without a later event to show it. false:
// the subscription is over.
func (s *subscription) compare(ctx context.Context, seen position) bool {
	switch {
	case seen.gone, seen.setBack, seen.horizon > s.last:
		return s.retry(ctx, s.checkHead)
	case seen.head > s.last:
		return s.retry(ctx, s.catchUp)
	}
	return true // where it is lower, events have come since it was read
}

// catchUp reads the log to its end.
func (s *subscription) catchUp(ctx context.Context) error {
	for {
		events, err := s.hub.log.Read(ctx, s.handle, s.last, pageSize)
		if err != nil {
			return err
		}
		for _, e := range events {
			if e.Seq != s.last+1 {
				// The log is gap-free, so the horizon has overtaken this reader.
				return s.reset(ctx, reasonHorizon)
			}
			if !s.deliver(ctx, e) {
				return ctx.Err()
			}
		}
		if len(events) < pageSize {
			return nil
		}
	}
}

// checkHead looks where the log stands now.
func (s *subscription) checkHead(ctx context.Context) error {
	head, horizon, err := s.hub.log.Head(ctx, s.handle)
	switch {
	case err != nil:
		return err
	case head < s.last: // the database has been set back
		return s.reset(ctx, reasonUnknown)
	case s.last < horizon:
		return s.reset(ctx, reasonHorizon)
	case head > s.last:
		return s.catchUp(ctx)
	}
	return nil
}

func (s *subscription) reset(ctx context.Context, reason string) error {
	head, _, err := s.hub.log.Head(ctx, s.handle)
	if err != nil {
		return err
	}
	s.last = head
	select {
	case s.out <- s.resetEvent(reason):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// deliver waits until the consumer takes the event. false: ctx has ended.
func (s *subscription) deliver(ctx context.Context, e Event) bool {
	if s.keep == nil || s.keep(e) {
		select {
		case s.out <- e:
		case <-ctx.Done():
			return false
		}
	}
	s.last = e.Seq
	return true
}

// retry repeats a read of the log until it succeeds: a database that is away for a
// while delays a subscription and doesn't end it. false: the subscription is over.
func (s *subscription) retry(ctx context.Context, read func(context.Context) error) bool {
	for pause := retryFirst; ; pause = min(2*pause, retryMost) {
		err := read(ctx)
		switch {
		case ctx.Err() != nil:
			return false
		case err == nil:
			return true
		case problem.Is(err, problem.NotFound): // the project was deleted
			return false
		}
		s.hub.logger.Warn("a subscription can't read the log and tries again", "project", s.handle.Project(), "error", err)
		select {
		case <-ctx.Done():
			return false
		case <-time.After(pause):
		}
	}
}
