package stream

import (
	"sync/atomic"
	"time"
)

// LogStats count what this process has appended since it started.
type LogStats struct {
	// Batches are transactions that appended events, and Events what they appended.
	Batches, Events int64
	// Time is how long they took, all together: from the first event's number to the
	// end of the commit.
	Time time.Duration
}

type logCounters struct{ batches, events, nanos atomic.Int64 }

// Stats is what has been appended so far.
func (l *Log) Stats() LogStats {
	return LogStats{
		Batches: l.counts.batches.Load(), Events: l.counts.events.Load(),
		Time: time.Duration(l.counts.nanos.Load()),
	}
}

func (c *logCounters) appended(events int, took time.Duration) {
	c.batches.Add(1)
	c.events.Add(int64(events))
	c.nanos.Add(int64(took))
}

// HubStats count what a hub has done since it started, but for Rooms and Readers.
type HubStats struct {
	// Rooms are the projects that are followed now, and Readers all who read them.
	Rooms, Readers int64
	// Heard are events that the carrier brought, each counted once, and Lag is how
	// long that took from when they were written, all together. It holds the commit,
	// and the difference of the clocks where another node wrote them.
	Heard int64
	Lag   time.Duration
	// RingHits are the answers to readers that came from a ring.
	RingHits int64
	// PagesRead are queries for events, and PagesShared the times that a reader used
	// the answer to another one's.
	PagesRead, PagesShared int64
	// HeadsRead are queries for the end of one log, and HeadsShared the times that a
	// reader used the answer to another one's.
	HeadsRead, HeadsShared int64
	// ReadsFailed are queries for either that failed and were repeated.
	ReadsFailed int64
	// Heals are the times that events were found to be missing, so that readers took
	// them from the log.
	Heals int64
	// Resets are the STREAM_RESET events handed out.
	Resets int64
}

type hubCounters struct {
	rooms, readers, heard, lag, ringHits atomic.Int64
	pagesRead, pagesShared               atomic.Int64
	headsRead, headsShared, readsFailed  atomic.Int64
	heals, resets                        atomic.Int64
}

// Stats is what the hub has done so far.
func (h *Hub) Stats() HubStats {
	c := &h.counts
	return HubStats{
		Rooms: c.rooms.Load(), Readers: c.readers.Load(),
		Heard: c.heard.Load(), Lag: time.Duration(c.lag.Load()), RingHits: c.ringHits.Load(),
		PagesRead: c.pagesRead.Load(), PagesShared: c.pagesShared.Load(),
		HeadsRead: c.headsRead.Load(), HeadsShared: c.headsShared.Load(), ReadsFailed: c.readsFailed.Load(),
		Heals: c.heals.Load(), Resets: c.resets.Load(),
	}
}

// hear counts an event that has just come.
func (c *hubCounters) hear(e Event) {
	c.heard.Add(1)
	c.lag.Add(int64(max(0, time.Since(e.At))))
}
