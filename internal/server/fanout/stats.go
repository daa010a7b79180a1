package fanout

import "sync/atomic"

// Stats count what a Fanout has done since it started, but for Groups and Members.
type Stats struct {
	// Groups are those that watch different things now, and Members all of them together.
	Groups, Members int64
	// Executions are events executed once for all members of a group.
	Executions int64
	// Reused counts the events that members who caught up were told without another
	// execution.
	Reused int64
	// Fallbacks are events executed for members with one viewer alone.
	Fallbacks int64
}

type counters struct{ executions, reused, fallbacks atomic.Int64 }

// Stats is what was done so far.
func (f *Fanout) Stats() Stats {
	s := Stats{Executions: f.counts.executions.Load(), Reused: f.counts.reused.Load(), Fallbacks: f.counts.fallbacks.Load()}
	f.mu.Lock()
	defer f.mu.Unlock()
	s.Groups = int64(len(f.groups))
	for _, g := range f.groups {
		g.mu.Lock()
		s.Members += int64(len(g.members))
		g.mu.Unlock()
	}
	return s
}
