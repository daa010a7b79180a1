package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/zeblit/zeblit/bench/internal/figure"
	"github.com/zeblit/zeblit/internal/client"
)

// seats are how many steps the product makes at once: what it does by default, and so few
// that runs have to wait for each other.
var seats = []int{100, 20}

const (
	projects = 10
	greedy   = 50 // runs of the first project, which are asked for before all others
	runs     = 100
	words    = 50                             // tokens of each answer
	alone    = 4 * words * time.Second / rate // how long a run's model speaks
	resting  = 3 * time.Second                // before the idle memory is read
	glance   = 50 * time.Millisecond          // between looks at the memory
	headline = "| steps at once | all done after | the models alone | ratio | idle | peak | ratio | mean of the greedy project | mean of the others | Jain's index of the others' | longest to shortest of them |"
)

func hundred(ctx context.Context, _ settings, p *product) (string, error) {
	time.Sleep(resting)
	idle, err := p.node.Memory()
	if err != nil {
		return "", err
	}
	peak, stop := p.peak()
	defer stop()
	all, err := p.ask(ctx)
	if err != nil {
		return "", err
	}
	means, took, err := p.times(ctx, all)
	if err != nil {
		return "", err
	}
	most, err := peak()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	if p.slots == seats[0] {
		fmt.Fprintf(&b, `%d runs in %d projects, each four answers of %d tokens at %d a second with three tools between them: a file is written, a command in the project's
sandbox and the file is read. One project asks for %d of them before the other nine ask for the rest. All have SUCCEEDED; the program fails
where one hasn't. "The models alone" is %d × %.0f s by the steps at once. Memory is the server's VmRSS, read each %d ms, without the processes in the
sandboxes. Means are from when a run was asked for to its end.

%s
%s
`, runs, projects, words, rate, greedy, runs, alone.Seconds(), glance.Milliseconds(), headline, strings.Repeat("|---", strings.Count(headline, "|")-1)+"|")
	}
	ideal := time.Duration(runs) * alone / time.Duration(min(p.slots, runs))
	others := means[1:]
	const mb = 1e6
	fmt.Fprintf(&b, "| %d | %.1f s | %.1f s | %.2f × | %.0f MB | %.0f MB | %.1f × | %.1f s | %.1f s | %.3f | %.2f × |\n", p.slots, took.Seconds(), ideal.Seconds(),
		took.Seconds()/ideal.Seconds(), float64(idle)/mb, float64(most)/mb, float64(most)/float64(idle), means[0], mean(others), jain(others),
		figure.Quantile(others, 1)/figure.Quantile(others, 0))
	return b.String(), nil
}

// peak reads the server's memory until most is called, or stop.
func (p *product) peak() (most func() (int64, error), stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var group errgroup.Group
	highest := int64(0)
	group.Go(func() error {
		ticker := time.NewTicker(glance)
		defer ticker.Stop()
		for {
			now, err := p.node.Memory()
			if err != nil {
				return err
			}
			highest = max(highest, now)
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return nil
			}
		}
	})
	return func() (int64, error) {
			cancel()
			err := group.Wait()
			return highest, err
		}, func() {
			cancel()
			_ = group.Wait() // the measurement has failed already
		}
}

// ask begins all runs and waits until they have succeeded.
func (p *product) ask(ctx context.Context) (ids []string, err error) {
	var feeds []*feed
	defer func() {
		for _, f := range feeds {
			f.Close()
		}
	}()
	for i := range projects {
		made, err := p.CreateProject(ctx, fmt.Sprintf("Hundred %d", i))
		if err != nil {
			return nil, err
		}
		ids, feeds = append(ids, made.ID), append(feeds, p.watch(ctx, made.ID))
	}
	type asked struct {
		project int
		run     string
	}
	var all []asked
	for i := range runs {
		project := 0
		if i >= greedy {
			project = 1 + (i-greedy)%(projects-1)
		}
		sent, err := p.say(ctx, ids[project], "", "engineer", "", fmt.Sprintf("WORK %d r%d", words, i))
		if err != nil {
			return nil, err
		}
		all = append(all, asked{project, sent.run})
	}
	for _, one := range all {
		if _, err := feeds[one.project].state(ctx, one.run, client.RunSucceeded); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// times are the mean of each project's runs in seconds, and how long all took together.
func (p *product) times(ctx context.Context, ids []string) (means []float64, took time.Duration, err error) {
	var first, last time.Time
	count := 0
	for _, id := range ids {
		var own []float64
		for r, err := range p.Runs(ctx, id) {
			if err != nil {
				return nil, 0, err
			}
			if r.FinishedAt == nil {
				return nil, 0, fmt.Errorf("run %s has no end", r.ID)
			}
			own = append(own, r.FinishedAt.Sub(r.CreatedAt).Seconds())
			if first.IsZero() || r.CreatedAt.Before(first) {
				first = r.CreatedAt
			}
			if r.FinishedAt.After(last) {
				last = *r.FinishedAt
			}
		}
		count += len(own)
		means = append(means, mean(own))
	}
	if count != runs {
		return nil, 0, errors.New("runs are missing")
	}
	return means, last.Sub(first), nil
}

func mean(all []float64) float64 {
	sum := 0.0
	for _, v := range all {
		sum += v
	}
	return sum / float64(len(all))
}

// jain is Jain's index of fairness: 1 where all are equal, 1/n where one has everything.
func jain(all []float64) float64 {
	sum, squares := 0.0, 0.0
	for _, v := range all {
		sum += v
		squares += v * v
	}
	return sum * sum / (float64(len(all)) * squares)
}
