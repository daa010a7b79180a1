package run

import "sync/atomic"

// Stats count what this worker has met since it started.
type Stats struct {
	// Claims are runs taken for a step.
	Claims int64
	// LeasesLost are steps cut off because another worker had taken the run.
	LeasesLost int64
	// Takeovers are runs that this worker took from one that had died or hung.
	Takeovers int64
	// StaleWrites are transactions refused because their lease was lost.
	StaleWrites int64
	// Overdue are runs ended by a deadline.
	Overdue int64
	// Repairs are runs found without a job, a lease or a timer, which got one again.
	Repairs int64
}

type counters struct {
	claims, leasesLost, takeovers, staleWrites, overdue, repairs atomic.Int64
}

// Stats is what the worker has met so far.
func (e *Engine) Stats() Stats {
	return Stats{
		Claims: e.counts.claims.Load(), LeasesLost: e.counts.leasesLost.Load(), Takeovers: e.counts.takeovers.Load(),
		StaleWrites: e.counts.staleWrites.Load(), Overdue: e.counts.overdue.Load(), Repairs: e.counts.repairs.Load(),
	}
}
