package main

import (
	"context"
	"time"

	"github.com/zeblit/zeblit/internal/faults/faulttest"
)

// obeyed is how soon a worker is to do what is asked of its run.
const obeyed = 200 * time.Millisecond

// flags measures how soon runs that are under way are paused, cancelled and steered.
func flags(ctx context.Context, t *trial, s settings) (section, error) {
	var r faulttest.Reactions
	_, v, err := faulttest.Run(ctx, t, t.options, faulttest.Plan{
		Projects: 1, Conversations: 0, Settle: settle,
		Disturb: func(ctx context.Context, suite *faulttest.Suite) (err error) {
			r, err = suite.Flags(ctx, max(1, s.samples/2))
			return err
		},
	})
	if err != nil {
		return section{}, err
	}
	var rows table
	late, all := 0, 0
	for _, each := range []struct {
		name string
		took []time.Duration
	}{
		{"from the answer to `pauseRun` to the end of the model's connection", r.PauseClosed},
		{"… to `PAUSED` at a watcher on the other server", r.PauseSeen},
		{"from the answer to `cancelRun` to the end of the model's connection", r.CancelClosed},
		{"… to `CANCELLED` at a watcher on the other server", r.CancelSeen},
		{"from the answer to a steering message to the model's next request, which has it", r.Steered},
	} {
		rows.row(each.name, "%s", quantiles(each.took))
		for _, d := range each.took {
			all++
			if d > obeyed {
				late++
			}
		}
	}
	rows.row("later than 200 ms", "%d of %d", late, all)
	done := verdict(&rows, v)
	done.good = done.good && late*100 <= all // one in a hundred, for the machine's sake
	return done, nil
}
