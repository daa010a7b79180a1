package run

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/run"
	"github.com/zeblit/zeblit/internal/access"
)

// Stats count what this worker has met since it started, and say what it does now.
type Stats struct {
	// Slots is how many steps it makes at once, at most; Held are those under way.
	Slots, Held int
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
		Slots: cap(e.slots), Held: len(e.holds()),
		Claims: e.counts.claims.Load(), LeasesLost: e.counts.leasesLost.Load(), Takeovers: e.counts.takeovers.Load(),
		StaleWrites: e.counts.staleWrites.Load(), Overdue: e.counts.overdue.Load(), Repairs: e.counts.repairs.Load(),
	}
}

// StateCount is how many runs are in a state.
type StateCount struct {
	State enum.RunState `json:"state"`
	Runs  int           `json:"runs"`
}

// countTimeout bounds how long counting may take: who asks can do without.
const countTimeout = 2 * time.Second

// Unended counts the runs of the whole installation that have not ended, whoever holds
// them: one count for each state.
func (e *Engine) Unended(ctx context.Context) ([]StateCount, error) {
	ctx, cancel := context.WithTimeout(access.As(ctx, access.Engine), countTimeout)
	defer cancel()
	var found []StateCount
	err := e.db.Ent.Run.Query().Where(unended()).
		GroupBy(run.FieldState).Aggregate(ent.As(ent.Count(), "runs")).Scan(ctx, &found)
	if err != nil {
		return nil, err
	}
	var all []StateCount
	for _, state := range enum.RunState("").Values() {
		c := StateCount{State: enum.RunState(state)}
		if c.State.Ended() {
			continue
		}
		for _, f := range found {
			if f.State == c.State {
				c.Runs = f.Runs
			}
		}
		all = append(all, c)
	}
	return all, nil
}
