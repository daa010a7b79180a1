package wsproto

import "sync/atomic"

// Stats count what a handler has done since it started, but for Connections.
type Stats struct {
	// Connections are the sockets that are open now.
	Connections int64
	// SlowCloses are sockets closed with 4508.
	SlowCloses int64
	// Frames were written by Writes calls.
	Frames, Writes int64
}

type counters struct{ slowCloses, frames, writes atomic.Int64 }

// Stats is what was done so far.
func (h *Handler) Stats() Stats {
	return Stats{
		Connections: int64(h.conns.Len()), SlowCloses: h.counts.slowCloses.Load(),
		Frames: h.counts.frames.Load(), Writes: h.counts.writes.Load(),
	}
}
