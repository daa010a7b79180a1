package main

import (
	"context"
	"fmt"

	"github.com/zeblit/zeblit/internal/faults/faulttest"
)

// fair has three projects share six slots, one of them with ten times the others' runs.
func fair(ctx context.Context, t *trial, s settings) (section, error) {
	o := t.options
	o.Workers, o.Slots = 2, 3
	queued := []int{10 * s.queued, s.queued, s.queued}
	var f faulttest.Fairness
	_, v, err := faulttest.Run(ctx, t, o, faulttest.Plan{
		Projects: len(queued), Conversations: 0, Settle: settle,
		Disturb: func(ctx context.Context, suite *faulttest.Suite) (err error) {
			f, err = suite.Fair(ctx, queued)
			return err
		},
	})
	if err != nil {
		return section{}, err
	}
	var rows table
	rows.row("workers, slots of each", "%d, %d", o.Workers, o.Slots)
	good := true
	for i, p := range f.Projects {
		ratio := p.Took.Seconds() / p.Share.Seconds()
		name := fmt.Sprintf("project %d: %d runs of %d steps", i+1, p.Runs, p.Steps)
		rows.row(name+", all queued before any began; done after", "%.1f s; with its equal share of the slots after %.1f s: %.2f ×",
			p.Took.Seconds(), p.Share.Seconds(), ratio)
		rows.row("… its part of the slots while all had runs waiting", "%.0f %%", 100*p.Held)
		rows.row("… claims of others in a row while it waited with less than its share", "%d at most", p.Passed)
		good = good && ratio <= 2 && p.Passed <= 2*len(queued)
	}
	rows.row("no project waits more than twice its share", "%t", good)
	done := verdict(&rows, v)
	done.good = done.good && good
	return done, nil
}
