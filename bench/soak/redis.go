package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/zeblit/zeblit/internal/faults/faulttest"
)

const (
	// redisAway is how long Redis is away.
	redisAway = time.Minute
	// redisCalm is how long is measured before and after each disturbance.
	redisCalm = 15 * time.Second
	// mostLag is how late watchers may be at any time.
	mostLag = 2 * time.Second
)

// carrierless has Redis flushed, restarted and away for a minute under load, and measures
// how late watchers of a server see what workers, other processes, do.
func carrierless(ctx context.Context, t *trial, _ settings) (section, error) {
	var rows table
	var worst time.Duration
	_, v, err := faulttest.Run(ctx, t, t.options, faulttest.Plan{
		Projects: 8, Conversations: 2, Settle: settle,
		Disturb: func(ctx context.Context, suite *faulttest.Suite) error {
			lag := suite.MeasureLag(ctx)
			phase := func(name string, do func() error) error {
				err := do()
				late := lag.Since()
				if len(late) == 0 && err == nil {
					err = fmt.Errorf("nothing happened: %s", name)
				}
				if err == nil {
					worst = max(worst, slices.Max(late))
					rows.row("lag, "+name, "%s", quantiles(late))
				}
				return err
			}
			calm := func() error { return sleep(ctx, redisCalm) }
			for _, p := range []struct {
				name string
				do   func() error
			}{
				{"undisturbed", calm},
				{"flushed", func() error {
					if err := suite.FlushRedis(ctx); err != nil {
						return err
					}
					return calm()
				}},
				{"restarted at once", func() error {
					if err := suite.RestartRedis(ctx, 0); err != nil {
						return err
					}
					return calm()
				}},
				{fmt.Sprintf("while it is away for %s", redisAway), func() error { return suite.RestartRedis(ctx, redisAway) }},
				{"when it is back", calm},
			} {
				if err := phase(p.name, p.do); err != nil {
					_ = lag.End()
					return err
				}
			}
			return lag.End()
		},
	})
	if err != nil {
		return section{}, err
	}
	rows.row("**lag at most**; promised", "**%.2f s**; ≤ %s", worst.Seconds(), mostLag)
	rows.row("**requests that failed**", "**%d**", v.Retries)
	done := verdict(&rows, v)
	done.good = done.good && worst <= mostLag && v.Retries == 0
	return done, nil
}
