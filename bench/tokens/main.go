// Command tokens measures how late a watcher sees what a model says, while a hundred
// runs listen to their models at 50 tokens a second each, and all of it is kept: from
// the time at which a scripted model is to send a byte to the arrival of the frame that
// has it. The product runs as a server and a worker, or as one process, on a PostgreSQL
// and a Redis. Linux only.
//
//	go run ./bench/tokens         # about two minutes; writes docs/benchmarks.md
//	go run ./bench/tokens -short  # some seconds of it; writes nothing
//
// It fails where a token was lost, doubled or not kept.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/zeblit/zeblit/bench/internal/document"
	"github.com/zeblit/zeblit/bench/internal/figure"
	"github.com/zeblit/zeblit/bench/internal/node"
	"github.com/zeblit/zeblit/bench/internal/process"
	"github.com/zeblit/zeblit/bench/internal/subject"
	"github.com/zeblit/zeblit/bench/internal/watch"
)

type settings struct {
	runs   int
	rate   int // tokens a second of each run
	lasts  time.Duration
	rounds int
	file   string
}

func main() {
	var s settings
	flag.IntVar(&s.runs, "runs", 100, "runs at a time, each with a watcher")
	flag.IntVar(&s.rate, "rate", 50, "tokens a second of each run")
	flag.DurationVar(&s.lasts, "for", 20*time.Second, "how long the models speak")
	flag.IntVar(&s.rounds, "rounds", 2, "how often each way of running is measured, in turn")
	short := flag.Bool("short", false, "one round of 3 s")
	flag.StringVar(&s.file, "o", document.File, "the document to write into")
	flag.Parse()
	if *short {
		s.rounds, s.lasts, s.file = 1, 3*time.Second, ""
	}
	if err := run(s); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// shape is a way of running the product.
type shape struct {
	title string
	nodes []string // arguments of each; the first serves
}

var shapes = []shape{
	{"a server and a worker", []string{"serve --no-worker --addr 127.0.0.1:0", "worker"}},
	{"one process", []string{"serve --addr 127.0.0.1:0"}},
}

func run(s settings) (err error) {
	if err := process.RaiseFiles(4096); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "zeblit-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	program := filepath.Join(dir, "zeblit")
	if err := process.Build(program, "./cmd/zeblit"); err != nil {
		return err
	}
	found := make([][]result, len(shapes))
	for round := range s.rounds {
		for i, shape := range shapes {
			own := filepath.Join(dir, fmt.Sprintf("%d-%d", round, i))
			if err := os.Mkdir(own, 0o700); err != nil {
				return err
			}
			r, err := measure(s, shape, program, own)
			if err != nil {
				return fmt.Errorf("%s: %w", shape.title, err)
			}
			fmt.Fprintf(os.Stderr, "%s: %+v\n", shape.title, r)
			found[i] = append(found[i], r)
		}
	}
	return document.Write(s.file, "tokens", "From the model's byte to the watcher's frame", tell(s, found))
}

// result is what one measurement found. Times are in ms, CPU is in µs a token.
type result struct {
	p50, p99, most          float64
	persisted, perEvent     float64 // tokens a second; tokens in one event
	product, postgres, redi float64
	durable                 string
}

func tell(s settings, found [][]result) string {
	median := func(all []result, of func(result) float64) float64 {
		var figures []float64
		for _, r := range all {
			figures = append(figures, of(r))
		}
		return figure.Median(figures)
	}
	var b strings.Builder
	fmt.Fprintf(&b, ``+"`go run ./bench/tokens`"+`, %s.
%d runs at once, each listening to a scripted model that says %d tokens a second over the vendor's wire for %s, each with a
watcher; they begin one after another within 2 s; medians of %d rounds. From the time at which a token was due to leave the model to the arrival of the frame that
has it. Every token came once and in order and is in the log; the program fails where one isn't.
%s.

| | p50 | p99 | most | tokens kept a second | tokens in an event | CPU for each token: product | PostgreSQL | Redis |
|---|---|---|---|---|---|---|---|---|
`, document.Machine(), s.runs, s.rate, s.lasts, s.rounds, found[0][0].durable)
	for i, all := range found {
		fmt.Fprintf(&b, "| %s | %.1f ms | %.1f ms | %.1f ms | %.0f | %.1f | %.0f µs | %.0f µs | %.0f µs |\n", shapes[i].title,
			median(all, func(r result) float64 { return r.p50 }), median(all, func(r result) float64 { return r.p99 }), median(all, func(r result) float64 { return r.most }),
			median(all, func(r result) float64 { return r.persisted }), median(all, func(r result) float64 { return r.perEvent }),
			median(all, func(r result) float64 { return r.product }), median(all, func(r result) float64 { return r.postgres }), median(all, func(r result) float64 { return r.redi }))
	}
	b.WriteString("\n| promise (P6) | p50 ≤ 30 ms | p99 ≤ 60 ms |\n|---|---|---|\n")
	verdict := func(v, most float64) string {
		if v <= most {
			return fmt.Sprintf("%.1f ms: pass", v)
		}
		return fmt.Sprintf("%.1f ms: **miss**", v)
	}
	for i, all := range found {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", shapes[i].title,
			verdict(median(all, func(r result) float64 { return r.p50 }), 30), verdict(median(all, func(r result) float64 { return r.p99 }), 60))
	}
	return b.String()
}

func measure(s settings, shape shape, program, dir string) (r result, err error) {
	services, err := node.StartServices(dir)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, services.Stop()) }()
	if r.durable, err = services.Durable(dir); err != nil {
		return r, err
	}
	talk := newModel(s)
	defer talk.Close()
	environment := services.Environment("ANTHROPIC_API_KEY=key", "ANTHROPIC_BASE_URL="+talk.AnthropicURL(), "ANTHROPIC_MODEL=scripted",
		fmt.Sprintf("ZEBLIT_RUN_SLOTS=%d", s.runs))
	var nodes []*node.Node
	for i, args := range shape.nodes {
		n, err := node.Start(program, filepath.Join(dir, fmt.Sprint(i)), environment, strings.Fields(args)...)
		if err != nil {
			return r, err
		}
		defer n.Stop()
		nodes = append(nodes, n)
	}
	server := nodes[0]
	crowd, err := watch.New(watch.Options{Address: server.Address(), Key: server.Key, Query: subject.Query})
	if err != nil {
		return r, err
	}
	defer crowd.Close()
	var projects []string
	for range s.runs {
		id, err := server.CreateProject()
		if err != nil {
			return r, err
		}
		projects = append(projects, id)
		crowd.Join(watch.Project{ID: id, From: "start"}, 1)
	}
	if err := crowd.Open(time.Minute); err != nil {
		return r, err
	}
	for _, id := range projects {
		if err := server.SendMessage(id, "Talk"); err != nil {
			return r, err
		}
	}
	if err := crowd.Drive(30*time.Second, talk.asked); err != nil {
		return r, fmt.Errorf("not all runs have asked their models: %w", err)
	}
	crowd.Listen()
	before, err := used(services, nodes)
	if err != nil {
		return r, err
	}
	delivered := crowd.Delivered
	begun := talk.begin()
	total := talk.tokens * s.runs
	if err := crowd.Drive(s.lasts+30*time.Second, func() bool { return crowd.Heard() >= total }); err != nil {
		return r, fmt.Errorf("%d of %d tokens came: %w", crowd.Heard(), total, errors.Join(err, crowd.Problem()))
	}
	took := time.Since(begun)
	after, err := used(services, nodes)
	if err != nil {
		return r, err
	}
	late := crowd.Late()
	each := func(i int) float64 { return float64((after[i] - before[i]).Microseconds()) / float64(total) }
	r.product, r.postgres, r.redi = each(0), each(1), each(2)
	r.perEvent = float64(total) / float64(crowd.Delivered-delivered)
	r.p50, r.p99, r.most = float64(figure.Quantile(late, .5))/1e3, float64(figure.Quantile(late, .99))/1e3, float64(figure.Quantile(late, 1))/1e3
	kept, err := persisted(services.DB)
	if err != nil {
		return r, err
	}
	r.persisted = float64(kept) / took.Seconds()
	if kept != total || crowd.Heard() != total {
		return r, fmt.Errorf("of %d tokens %d are kept and %d came", total, kept, crowd.Heard())
	}
	return r, crowd.Problem()
}

// used is the CPU of the product, of PostgreSQL and of Redis so far.
func used(services *node.Services, nodes []*node.Node) (all [3]time.Duration, err error) {
	for _, n := range nodes {
		own, err := n.CPU()
		if err != nil {
			return all, err
		}
		all[0] += own
	}
	if all[1], err = services.PostgresCPU(); err != nil {
		return all, err
	}
	all[2], err = services.RedisCPU()
	return all, err
}
