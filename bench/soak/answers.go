package main

import (
	"context"
	"time"

	"github.com/zeblit/zeblit/internal/faults/faulttest"
)

// idempotency sends the same a hundred times at once while a server is killed and
// started again.
func idempotency(ctx context.Context, t *trial, s settings) (section, error) {
	sent, effects, conflicts := 0, 0, 0
	_, v, err := faulttest.Run(ctx, t, t.options, faulttest.Plan{
		Projects: 2, Conversations: 1, Settle: settle,
		Disturb: func(ctx context.Context, suite *faulttest.Suite) error {
			for i := range s.rounds {
				same, err := suite.SameKey(ctx, i, 100)
				if err != nil {
					return err
				}
				sent += 100
				effects += same.Effects
				if same.Conflict {
					conflicts++
				}
			}
			return nil
		},
	})
	if err != nil {
		return section{}, err
	}
	var rows table
	rows.row("requests with the same key, a hundred at once, a server killed and started again meanwhile", "%d in %d rounds", sent, s.rounds)
	rows.row("effects", "%d (%d wanted)", effects, s.rounds)
	rows.row("other input with the key afterwards is a `CONFLICT`", "%d of %d", conflicts, s.rounds)
	done := verdict(&rows, v)
	done.good = done.good && effects == s.rounds && conflicts == s.rounds
	return done, nil
}

// dispatch measures how late a watcher on the other node sees a run begin.
func dispatch(ctx context.Context, t *trial, s settings) (section, error) {
	var late []time.Duration
	_, v, err := faulttest.Run(ctx, t, t.options, faulttest.Plan{
		Projects: 1, Conversations: 0, Settle: settle,
		Disturb: func(ctx context.Context, suite *faulttest.Suite) (err error) {
			late, err = suite.Dispatch(ctx, s.samples)
			return err
		},
	})
	if err != nil {
		return section{}, err
	}
	var rows table
	rows.row("samples, one at a time, a watcher on the other server", "%d", len(late))
	rows.row("from the answer to `sendMessage` to `RUNNING` at the watcher", "%s", quantiles(late))
	return verdict(&rows, v), nil
}
