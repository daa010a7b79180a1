package main

import (
	"context"
	"time"

	"github.com/zeblit/zeblit/internal/faults/faulttest"
)

// window is a time in which errors are excused.
type window struct{ from, to time.Time }

// excuse is how long after an outage an answer may still be about it.
const excuse = time.Second

// postgres restarts PostgreSQL under load, ends its backends, and has statements fail.
func postgres(ctx context.Context, t *trial, s settings) (section, error) {
	var back []time.Duration
	var outages []window
	during := func(act func() error) error {
		w := window{from: time.Now()}
		err := act()
		w.to = time.Now().Add(excuse)
		outages = append(outages, w)
		return err
	}
	suite, v, err := faulttest.Run(ctx, t, t.options, faulttest.Plan{
		Projects: 8, Conversations: 2, Settle: settle,
		Disturb: func(ctx context.Context, suite *faulttest.Suite) error {
			for i := range s.restarts {
				err := during(func() error {
					d, err := suite.RestartPostgres(ctx, time.Duration(i%4)*500*time.Millisecond)
					back = append(back, d)
					return err
				})
				if err != nil {
					return err
				}
				if err := sleep(ctx, 4*time.Second); err != nil {
					return err
				}
				if err := during(func() error { return suite.TerminateBackends(ctx) }); err != nil {
					return err
				}
				if err := sleep(ctx, time.Second); err != nil {
					return err
				}
				if i%5 > 0 {
					continue
				}
				if err := during(func() error { return suite.FailStatements(ctx, 0.02, 5*time.Second) }); err != nil {
					return err
				}
			}
			return nil
		},
	})
	if err != nil {
		return section{}, err
	}
	unexcused := 0
	for _, at := range suite.Load.Failures() {
		if !within(at, outages) {
			unexcused++
		}
	}
	var rows table
	rows.row("restarts of PostgreSQL (pg_ctl's \"immediate\"), 0 to 1.5 s away", "%d", len(back))
	rows.row("all backends terminated", "%d times", len(back))
	rows.row("from PostgreSQL's return to the next message accepted", "%s", quantiles(back))
	rows.row("requests that failed, all in all; outside of an outage", "%d; %d", v.Retries, unexcused)
	done := verdict(&rows, v)
	done.good = done.good && unexcused == 0
	return done, nil
}

func within(at time.Time, windows []window) bool {
	for _, w := range windows {
		if !at.Before(w.from) && at.Before(w.to) {
			return true
		}
	}
	return false
}
