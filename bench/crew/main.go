// Command crew measures how soon people are heard while agents work, and how a hundred of
// them work at once: how long a cancelled run's processes live on, when a model sees a
// message that steers it, how soon one that interrupts is answered, and what a hundred runs
// at 50 tokens a second take, in time and memory, and how fairly. The product is one
// process on a PostgreSQL and a Redis, with sandboxes, asked through its public API. Linux
// only.
//
//	scripts/with-services.sh go run ./bench/crew          # some minutes; writes docs/benchmarks.md
//	scripts/with-services.sh go run ./bench/crew -short   # a little of each; writes nothing
//
// It fails where something isn't right, whatever time it took: a process that lives on, a
// transcript that its model would not take, a run that does not succeed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/zeblit/zeblit/bench/internal/document"
	"github.com/zeblit/zeblit/bench/internal/node"
	"github.com/zeblit/zeblit/bench/internal/process"
	"github.com/zeblit/zeblit/internal/client"
)

type settings struct {
	cancels, crews int // runs, and managers with three below, that are cancelled
	talks          int // samples of each way to speak to a run
	only, file     string
}

func main() {
	var s settings
	flag.IntVar(&s.cancels, "cancels", 20, "runs to cancel")
	flag.IntVar(&s.crews, "crews", 5, "managers to cancel, each with three runs below")
	flag.IntVar(&s.talks, "talks", 20, "samples of each way to speak to a run")
	flag.StringVar(&s.only, "only", "cancel,talk,hundred", "which parts, separated by commas")
	short := flag.Bool("short", false, "two samples of each")
	flag.StringVar(&s.file, "o", document.File, "the document to write into")
	flag.Parse()
	if *short {
		s.cancels, s.crews, s.talks, s.file = 2, 1, 2, ""
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// part is a section of the document.
type part struct {
	name, title string
	slots       []int // the product is started once for each
	measure     func(ctx context.Context, s settings, p *product) (string, error)
}

var parts = []part{
	{"cancel", "Cancelling a run", []int{100}, cancels},
	{"talk", "Speaking to a run", []int{100}, talks},
	{"hundred", "A hundred runs at once", seats, hundred},
}

func run(ctx context.Context, s settings) (err error) {
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
	wanted := strings.Split(s.only, ",")
	for _, name := range wanted {
		if !known(name) {
			return fmt.Errorf("-only: there is no part %q", name)
		}
	}
	for _, part := range parts {
		if !has(wanted, part.name) {
			continue
		}
		text := ""
		for _, slots := range part.slots {
			own := filepath.Join(dir, fmt.Sprintf("%s-%d", part.name, slots))
			found, err := with(ctx, program, own, slots, func(p *product) (string, error) { return part.measure(ctx, s, p) })
			if err != nil {
				return fmt.Errorf("%s: %w", part.name, err)
			}
			text += found
		}
		head := fmt.Sprintf("`scripts/with-services.sh go run ./bench/crew -only %s`, %s. One process on a private PostgreSQL and Redis;\nthe model is scripted, the commands run in bubblewrap.\n", part.name, document.Machine())
		if err := document.Write(s.file, "crew-"+part.name, part.title, head+text); err != nil {
			return err
		}
	}
	return nil
}

func known(name string) bool {
	for _, p := range parts {
		if p.name == name {
			return true
		}
	}
	return false
}

func has(all []string, name string) bool {
	for _, one := range all {
		if one == name {
			return true
		}
	}
	return false
}

// product is the one that is measured, with the model that its agents have.
type product struct {
	*client.Client
	node  *node.Node
	model *model
	slots int
}

// with starts the product, and ends it when work returns.
func with(ctx context.Context, program, dir string, slots int, work func(*product) (string, error)) (text string, err error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	services, err := node.StartServices(dir)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, services.Stop()) }()
	p := &product{model: newModel(), slots: slots}
	defer p.model.Close()
	environment := services.Environment("ANTHROPIC_API_KEY=key", "ANTHROPIC_BASE_URL="+p.model.AnthropicURL(), "ANTHROPIC_MODEL=scripted",
		fmt.Sprintf("ZEBLIT_RUN_SLOTS=%d", slots))
	if p.node, err = node.Start(program, filepath.Join(dir, "data"), environment, "serve", "--addr", "127.0.0.1:0"); err != nil {
		return "", err
	}
	defer p.node.Stop()
	if p.Client, err = client.New(client.Options{URL: p.node.URL, Key: p.node.Key}); err != nil {
		return "", err
	}
	if text, err = work(p); err != nil {
		return "", fmt.Errorf("%w; the server said: %s", err, p.node.Errors())
	}
	return text, nil
}

// patience is how long anything may take that is to happen.
const patience = 2 * time.Minute
