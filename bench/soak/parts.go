package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/zeblit/zeblit/internal/faults/faulttest"
)

// settle bounds how long runs may take to end once all is calm.
const settle = 2 * time.Minute

// table is two columns.
type table [][2]string

func (t *table) row(name, format string, args ...any) {
	*t = append(*t, [2]string{name, fmt.Sprintf(format, args...)})
}

func (t *table) String() string {
	var b strings.Builder
	b.WriteString("| what | result |\n|---|---|\n")
	for _, r := range *t {
		fmt.Fprintf(&b, "| %s | %s |\n", r[0], r[1])
	}
	return b.String()
}

// verdict adds what every part judges, and says how it went.
func verdict(t *table, v *faulttest.Verdict) section {
	t.row("seed", "%d", v.Seed)
	t.row("messages accepted, each answered once", "%d", v.Messages)
	t.row("answers of the model kept, of those asked for", "%d of %d", v.Steps, v.Requests)
	t.row("tool calls; effects outside of the database", "%d; %d", v.ToolCalls, v.Counted)
	t.row("take-overs by another worker", "%d", v.Takeovers)
	t.row("events delivered; resumes", "%d; %d", v.Delivered, v.Resumed)
	t.row("files compared with an undisturbed run", "%d", v.Files)
	t.row("**lost, doubled, divergent, unended**", "**%d, %d, %d, %d**", v.Lost, v.Doubled, v.Divergent, v.Unended)
	t.row("late writes refused, accepted", "%d, %d", v.Refused, v.LateWrites)
	text := t.String()
	if !v.Good() {
		text += "\nBroken:\n\n"
		for _, w := range v.Worst() {
			text += "- " + w + "\n"
		}
	}
	return section{text, v.Good()}
}

// quantiles of durations, which it sorts.
func quantiles(all []time.Duration) string {
	if len(all) == 0 {
		return "none"
	}
	slices.Sort(all)
	at := func(share float64) float64 { return all[int(share*float64(len(all)-1))].Seconds() }
	if at(1) < 1 {
		return fmt.Sprintf("p50 %.1f ms, p90 %.1f ms, p99 %.1f ms, most %.1f ms (%d)", at(.5)*1e3, at(.9)*1e3, at(.99)*1e3, at(1)*1e3, len(all))
	}
	return fmt.Sprintf("p50 %.2f s, p90 %.2f s, p99 %.2f s, most %.2f s (%d)", at(.5), at(.9), at(.99), at(1), len(all))
}

func kill(ctx context.Context, t *trial, s settings) (section, error) {
	suite, v, err := faulttest.Run(ctx, t, t.options, faulttest.Plan{
		Projects: 8, Conversations: 2, Settle: settle,
		Disturb: func(ctx context.Context, suite *faulttest.Suite) error { return suite.Kill(ctx, s.kills) },
	})
	if err != nil {
		return section{}, err
	}
	recoveries, err := suite.Recoveries(ctx)
	if err != nil {
		return section{}, err
	}
	var rows table
	rows.row("kill -9", "%d, in %.0f s", v.Kills, v.Took.Seconds())
	rows.row("from a kill to the next step of a run that the process had", "%s", quantiles(recoveries))
	done := verdict(&rows, v)
	done.text += "\nWhere they died: " + strings.Join(v.Where(), ", ") + ".\n"
	return done, nil
}

func stop(ctx context.Context, t *trial, s settings) (section, error) {
	had, taken := 0, 0
	_, v, err := faulttest.Run(ctx, t, t.options, faulttest.Plan{
		Projects: 8, Conversations: 2, Settle: settle,
		Disturb: func(ctx context.Context, suite *faulttest.Suite) error {
			points := faulttest.StopPoints()
			for i := range s.stops {
				point := "" // every other time it is a moment by chance
				if i%2 == 1 {
					point = points[i/2%len(points)]
				}
				h, n, err := suite.Freeze(ctx, suite.In.Workers[i%len(suite.In.Workers)], point)
				if err != nil {
					return err
				}
				had, taken = had+h, taken+n
			}
			return nil
		},
	})
	if err != nil {
		return section{}, err
	}
	var rows table
	rows.row("SIGSTOP for 8 s, then SIGCONT", "%d", s.stops)
	rows.row("runs in their hands then; taken over before they woke", "%d; %d", had, taken)
	done := verdict(&rows, v)
	done.text += "\nWhere they stood: " + strings.Join(v.Where(), ", ") + ".\n"
	return done, nil
}

func rolling(ctx context.Context, t *trial, s settings) (section, error) {
	rounds := 0
	_, v, err := faulttest.Run(ctx, t, t.options, faulttest.Plan{
		Projects: 10, Conversations: 5, Settle: settle,
		Disturb: func(ctx context.Context, suite *faulttest.Suite) error {
			for begun := time.Now(); time.Since(begun) < s.rolling; rounds++ {
				next := time.Now().Add(30 * time.Second)
				if err := suite.Roll(ctx); err != nil {
					return err
				}
				if err := sleep(ctx, time.Until(next)); err != nil {
					return err
				}
			}
			return nil
		},
	})
	if err != nil {
		return section{}, err
	}
	var rows table
	rows.row("rounds in which each of the five processes got SIGTERM and was started again", "%d, one every 30 s", rounds)
	rows.row("conversations under way at any time", "50")
	rows.row("requests that a client had to repeat", "%d", v.Retries)
	return verdict(&rows, v), nil
}

func network(ctx context.Context, t *trial, s settings) (section, error) {
	_, v, err := faulttest.Run(ctx, t, t.options, faulttest.Plan{
		Projects: 8, Conversations: 2, Settle: settle,
		Disturb: func(ctx context.Context, suite *faulttest.Suite) error {
			for range max(1, s.restarts/4) {
				suite.Cut()
				if err := sleep(ctx, 3*time.Second); err != nil {
					return err
				}
				if err := suite.Stall(ctx, 3*time.Second); err != nil {
					return err
				}
				if err := suite.RestartRedis(ctx, 2*time.Second); err != nil {
					return err
				}
				if err := suite.Stall(ctx, 8*time.Second); err != nil {
					return err
				}
			}
			return nil
		},
	})
	if err != nil {
		return section{}, err
	}
	var rows table
	rows.row("what was done", "%s", strings.Join(v.Where(), ", "))
	rows.row("requests that a client had to repeat", "%d", v.Retries)
	return verdict(&rows, v), nil
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
