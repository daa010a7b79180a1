// Command eval has the product do a set of tasks and scores what comes of them by tests
// that no agent sees: they are put over a copy of the resulting project and run in the
// sandbox after the run has ended. It starts a server of its own, on SQLite in a temporary
// folder, and asks through its public API. See docs/evaluations.md.
//
//	go run ./bench/eval                          # the scripted model: is the scoring right?
//	go run ./bench/eval -model anthropic/NAME    # a real one: how good is it?
//
// With the scripted model each task is done in several ways, right and wrong ones, and the
// program fails where one of them isn't scored as it has to be. With a real model it only
// reports: it fails where a task could not be tried.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

type settings struct {
	model, only, tasks, file string
	atOnce                   int
	bounds                   Bounds
}

func main() {
	var s settings
	flag.StringVar(&s.model, "model", "", "the real model to ask, as provider/name; empty is the scripted one")
	flag.StringVar(&s.only, "only", "", "names of tasks, separated by commas; empty is all")
	flag.StringVar(&s.tasks, "tasks", "bench/eval/_tasks", "the folder with the tasks")
	flag.StringVar(&s.file, "o", "", "a file to write the results into, as JSON")
	flag.IntVar(&s.atOnce, "at-once", 2, "tasks at a time")
	flag.DurationVar(&s.bounds.Time, "limit", 10*time.Minute, "how long a run may take; then it is cancelled")
	flag.StringVar(&s.bounds.Money, "budget", "1", "how much a run may cost, in USD; empty is no budget, which a model without a price needs")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, s settings) (err error) {
	if s.atOnce < 1 {
		return errors.New("-at-once must be 1 or more")
	}
	tasks, err := load(s.tasks)
	if err != nil {
		return err
	}
	if tasks, err = chosen(tasks, s.only); err != nil {
		return err
	}
	trials, err := all(ctx, s, tasks)
	if err != nil {
		return err
	}
	fmt.Print(table(trials))
	if s.file != "" {
		if err := write(s.file, s.model, trials); err != nil {
			return err
		}
	}
	if err := judge(trials); err != nil || s.model != "" {
		return err
	}
	fmt.Printf("\nAll %d plays are scored as they have to be.\n", len(trials))
	return nil
}

// chosen are the tasks of these names.
func chosen(tasks []Task, names string) ([]Task, error) {
	if names == "" {
		return tasks, nil
	}
	var some []Task
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(tasks, func(t Task) bool { return t.Name == strings.TrimSpace(name) })
		if i < 0 {
			return nil, fmt.Errorf("-only: there is no task %q", name)
		}
		some = append(some, tasks[i])
	}
	return some, nil
}

// all tries the tasks, each with every play of the scripted model, or with the real one.
func all(ctx context.Context, s settings, tasks []Task) (trials []Trial, err error) {
	type pair struct {
		task Task
		play *Play
	}
	var pairs []pair
	server, models := "", []string(nil)
	if s.model == "" {
		model, names := scripted(tasks)
		defer model.Close()
		server, models = model.OpenAIURL(), names
	}
	for _, t := range tasks {
		if s.model != "" {
			pairs = append(pairs, pair{t, nil})
			continue
		}
		for _, p := range t.played() {
			pairs = append(pairs, pair{t, &p})
		}
	}
	environment, err := environmentOf(server, models)
	if err != nil {
		return nil, err
	}
	product, err := start(environment)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, product.Close()) }()
	trials = make([]Trial, len(pairs))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(s.atOnce)
	for i, pair := range pairs {
		group.Go(func() error {
			model, play := s.model, ""
			if pair.play != nil {
				play, model = pair.play.Name, provider+"/"+modelName(pair.task, *pair.play)
			}
			trial, err := product.try(ctx, pair.task, model, s.bounds)
			if err != nil {
				return fmt.Errorf("%s %s: %w", pair.task.Name, play, err)
			}
			if trial.Play = play; pair.play != nil {
				trial.Differs = pair.play.differs(trial.Score)
			}
			trials[i] = trial
			return nil
		})
	}
	return trials, group.Wait()
}
