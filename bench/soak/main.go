// Command soak breaks a whole installation for a long time, judges what came of it,
// and writes the numbers into docs/reliability.md. Two servers and three workers run
// as processes of their own on a private PostgreSQL and a private Redis. Linux only.
//
//	go run ./bench/soak                        # everything
//	go run ./bench/soak -only kill -kills 100  # one part; its section alone is written
//
// The part disk mounts a small disk in memory, which needs root; it does so in a mount
// namespace of its own where that is allowed.
//
// It fails when a promise was broken, after it has written the numbers.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/zeblit/zeblit/internal/faults/faulttest"
)

// settings are how long each part goes on.
type settings struct {
	kills, stops, restarts, rounds, samples, queued, disks, budgets int
	rolling                                                         time.Duration
	events                                                          int
	watch                                                           time.Duration
	seed                                                            int64
}

// part is one way of breaking things. It returns its section of the document.
type part struct {
	name, title string
	do          func(context.Context, *trial, settings) (section, error)
}

var parts = []part{
	{"kill", "Processes killed", kill},
	{"stop", "Workers stopped past their leases", stop},
	{"pg", "PostgreSQL restarted", postgres},
	{"net", "Connections cut and stalled, Redis restarted", network},
	{"redis", "Redis flushed, restarted and away for a minute", carrierless},
	{"rolling", "Rolling restarts", rolling},
	{"idempotency", "The same key a hundred times", idempotency},
	{"watch", "Watchers cut, stalled and resumed", watch},
	{"dispatch", "From the answer to `sendMessage` to `RUNNING` at a watcher", dispatch},
	{"flags", "Runs paused, cancelled and steered while they work", flags},
	{"fair", "Slots shared between projects", fair},
	{"budget", "Fifty calls at once on a budget of one dollar, their workers killed", budget},
	{"work", "Who runs commands and merges killed at each point", work},
	{"crew", "A crew that plans and builds, killed at each point and in each tool", crew},
	{"disk", "A disk that fills up", disk},
}

func main() {
	var s settings
	flag.IntVar(&s.kills, "kills", 300, "deaths of workers")
	flag.IntVar(&s.stops, "stops", 20, "workers stopped past their leases")
	flag.IntVar(&s.restarts, "restarts", 20, "restarts of PostgreSQL")
	flag.IntVar(&s.rounds, "rounds", 5, "rounds of the same key")
	flag.IntVar(&s.samples, "samples", 200, "samples of the dispatch; half as many of each flag")
	flag.IntVar(&s.queued, "queued", 6, "runs that the small projects have waiting; the large one has ten times as many")
	flag.IntVar(&s.disks, "disks", 9, "times that the disk fills up")
	flag.IntVar(&s.budgets, "budgets", 20, "trials of a budget on each database")
	flag.DurationVar(&s.rolling, "rolling", 5*time.Minute, "how long processes are restarted in turn")
	flag.IntVar(&s.events, "events", 1_000_000, "events delivered to watchers, who resume once for each hundred or more often")
	flag.DurationVar(&s.watch, "watch", 10*time.Minute, "how long that may take")
	flag.Int64Var(&s.seed, "seed", 0, "of the disturbances; 0 takes one by chance")
	only := flag.String("only", "", "parts to run, separated by commas: "+names())
	document := flag.String("o", "docs/reliability.md", "the document to write into")
	flag.Parse()
	if s.seed == 0 {
		s.seed = rand.Int64N(1_000_000)
	}
	if *only == "" || slices.Contains(strings.Split(*only, ","), "disk") {
		if code, done := setApart(); done {
			os.Exit(code)
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := soak(ctx, s, *only, *document); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func soak(ctx context.Context, s settings, only, document string) error {
	chosen, err := choose(only)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "zeblit-soak-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	source, err := os.Getwd()
	if err != nil {
		return err
	}
	binary, err := faulttest.Build(dir, source)
	if err != nil {
		return err
	}
	var broken []string
	for _, p := range chosen {
		fmt.Printf("=== %s (seed %d)\n", p.title, s.seed)
		own := filepath.Join(dir, p.name)
		if err := os.Mkdir(own, 0o755); err != nil {
			return err
		}
		done, err := run(ctx, p, s, own, binary)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		fmt.Println(done.text)
		if err := writeSection(document, p, done); err != nil {
			return err
		}
		if !done.good {
			broken = append(broken, p.name)
		}
	}
	if len(broken) > 0 {
		return fmt.Errorf("promises were broken: %s", strings.Join(broken, ", "))
	}
	return nil
}

// names lists the parts.
func names() string {
	var all []string
	for _, p := range parts {
		all = append(all, p.name)
	}
	return strings.Join(all, ",")
}

func choose(only string) ([]part, error) {
	if only == "" {
		return parts, nil
	}
	var chosen []part
	for name := range strings.SplitSeq(only, ",") {
		i := slices.IndexFunc(parts, func(p part) bool { return p.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no part %q", name)
		}
		chosen = append(chosen, parts[i])
	}
	return chosen, nil
}
