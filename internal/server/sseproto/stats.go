package sseproto

import "sync/atomic"

// Stats count what a handler has done since it started, but for Streams.
type Stats struct {
	// Streams are those that are open now.
	Streams int64
	// SlowCloses are streams ended because the client reads too slowly.
	SlowCloses int64
	// Events, comments included, were written by Writes calls.
	Events, Writes int64
}

type counters struct{ slowCloses, events, writes atomic.Int64 }

// Stats is what was done so far.
func (h *Handler) Stats() Stats {
	return Stats{
		Streams: int64(h.streams.Len()), SlowCloses: h.counts.slowCloses.Load(),
		Events: h.counts.events.Load(), Writes: h.counts.writes.Load(),
	}
}
