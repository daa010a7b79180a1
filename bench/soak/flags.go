package main

import (
	"context"
	"time"

	"github.com/zeblit/zeblit/internal/faults/faulttest"
)

// obeyed is how soon a worker that holds a run is to stop its step.
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
	rows.row("from the answer to `pauseRun` to the end of the model's connection", "%s", quantiles(r.PauseClosed))
	rows.row("… to `PAUSED` at a watcher on the other server", "%s", quantiles(r.PauseSeen))
	rows.row("from the answer to `cancelRun` to the end of the model's connection", "%s", quantiles(r.CancelClosed))
	rows.row("… to `CANCELLED` at a watcher on the other server", "%s", quantiles(r.CancelSeen))
	rows.row("from the answer to a steering message to the model's next request, which has it", "%s", quantiles(r.Steered))
	late := 0
	stopped := append(r.PauseClosed, r.CancelClosed...)
	for _, d := range stopped {
		if d > obeyed {
			late++
		}
	}
	rows.row("connections closed later than 200 ms", "%d of %d (1 %% may be, for the machine's sake)", late, len(stopped))
	done := verdict(&rows, v)
	done.good = done.good && late*100 <= len(stopped)
	return done, nil
}
