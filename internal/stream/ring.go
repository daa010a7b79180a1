package stream

// What a room keeps of its latest events. A project whose events are small fits a
// minute of a busy run; whoever is further behind reads the log.
const (
	ringEvents = 1024
	ringBytes  = 256 << 10
	// A ring grows and shrinks by segments of up to so many events and about so many
	// bytes. They bound what one Next returns of it.
	segmentEvents = 32
	segmentBytes  = 16 << 10
	// eventBytes is what an event takes in memory beside its payload, about.
	eventBytes = 160
)

// ring holds the latest events of a project, without a gap and up to number last.
// Readers hold slices of its segments while it grows: a place that has been written
// is never written again, and what has fallen out is left to the garbage collector.
type ring struct {
	segments [][]Event // none is empty
	last     int64
	count    int
	bytes    int // of all segments
	tail     int // bytes of the last segment
}

// restart empties the ring. It goes on with the event behind last.
func (r *ring) restart(last int64) { *r = ring{last: last} }

// add takes the event behind last.
func (r *ring) add(e Event) {
	n := len(r.segments)
	if n == 0 || len(r.segments[n-1]) == segmentEvents || r.tail >= segmentBytes {
		r.segments = append(r.segments, make([]Event, 0, segmentEvents))
		r.tail = 0
		n++
	}
	r.segments[n-1] = append(r.segments[n-1], e)
	size := eventSize(e)
	r.last, r.count, r.bytes, r.tail = e.Seq, r.count+1, r.bytes+size, r.tail+size
	for len(r.segments) > 1 && (r.count > ringEvents || r.bytes > ringBytes) {
		oldest := r.segments[0]
		r.segments[0] = nil
		r.segments = r.segments[1:]
		r.count -= len(oldest)
		for _, e := range oldest {
			r.bytes -= eventSize(e)
		}
	}
}

// behind returns events that follow number after, as many as lie in one segment.
// none: the next one isn't in the ring.
func (r *ring) behind(after int64) []Event {
	if after >= r.last || after < r.last-int64(r.count) {
		return nil
	}
	for i := len(r.segments) - 1; i >= 0; i-- {
		segment := r.segments[i]
		if at := after + 1 - segment[0].Seq; at >= 0 {
			return segment[at:len(segment):len(segment)]
		}
	}
	return nil
}

func eventSize(e Event) int { return len(e.Payload) + eventBytes }
