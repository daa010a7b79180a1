// Command fanout measures how many watchers one server can tell of what happens, how
// soon, and at what cost, beside two baselines that serve the same events to the same
// clients in the same run: gqlgen's own transport over the same schema (stock), and a
// broadcast on gorilla/websocket that knows no GraphQL (raw). See bench/server. Then
// one watcher of a thousand stops reading, and a server with thousands of watchers is
// killed and started again. Linux only.
//
//	go run ./bench/fanout            # about five minutes; writes docs/benchmarks.md
//	go run ./bench/fanout -short     # a look at everything, in about half a minute; writes nothing
//
// It fails where an event was lost, doubled or out of order, or a connection ended that
// should not have, after it has written the numbers.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/zeblit/zeblit/bench/internal/document"
	"github.com/zeblit/zeblit/bench/internal/process"
	"github.com/zeblit/zeblit/bench/internal/subject"
	"github.com/zeblit/zeblit/internal/store/pgtest"
)

// settings are the flags.
type settings struct {
	rounds        int
	warm, window  time.Duration
	most          time.Duration // that all rounds may take
	few, many     int           // watchers
	short, pg     bool
	only          string
	profile, file string
	batches       int
}

// kinds are measured in turn, each round beginning with another.
var kinds = []string{"zeblit", "stock", "raw"}

func main() {
	var s settings
	flag.IntVar(&s.rounds, "rounds", 3, "how often each is measured, interleaved")
	flag.DurationVar(&s.window, "window", 3*time.Second, "how long each is measured")
	flag.DurationVar(&s.most, "most", 4*time.Minute, "how long all rounds may take: there are fewer of them where that is not enough")
	flag.IntVar(&s.batches, "batches", 16, "how many batches the publisher is ahead of its watchers where it saturates them")
	flag.BoolVar(&s.pg, "postgres", false, "keep the log in a private PostgreSQL instead of SQLite")
	flag.BoolVar(&s.short, "short", false, "one round of short windows with fewer watchers")
	flag.StringVar(&s.only, "only", "", "parts to run, separated by commas: crowd,profile,stall,storm; the document is not written")
	flag.StringVar(&s.profile, "profile", "", "file for the tops of zeblit's CPU profiles, 1,000 watchers of one run and of many saturated; the profiles themselves go beside it")
	flag.StringVar(&s.file, "o", document.File, "the document to write into")
	flag.Parse()
	s.warm, s.few, s.many = time.Second, 1000, 5000
	if s.short {
		s.rounds, s.warm, s.window, s.many, s.file = 1, 300*time.Millisecond, 700*time.Millisecond, 2000, ""
	}
	if s.only != "" {
		s.file = ""
	}
	if err := run(s); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// bench is one run of the program.
type bench struct {
	settings
	dir, program string
	started      int
	broken       []string // promises
	odd          []string // what the baselines did not manage
	text         strings.Builder
}

func run(s settings) (err error) {
	if err := process.RaiseFiles(16_000); err != nil {
		return err
	}
	b := &bench{settings: s}
	if b.dir, err = os.MkdirTemp("", "zeblit-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	b.program = filepath.Join(b.dir, "server")
	if err := process.Build(b.program, "./bench/server"); err != nil {
		return err
	}
	for _, part := range []struct {
		name string
		do   func() error
	}{{"crowd", b.crowds}, {"profile", b.profiled}, {"stall", b.stall}, {"storm", b.storm}} {
		if s.only != "" && !slices.Contains(strings.Split(s.only, ","), part.name) {
			continue
		}
		if err := part.do(); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	if err := document.Write(s.file, "fanout", "The live stream to thousands", b.text.String()); err != nil {
		return err
	}
	if len(b.broken) > 0 {
		return fmt.Errorf("promises were broken:\n%s", strings.Join(b.broken, "\n"))
	}
	return nil
}

// start runs a server on an empty database of its own. end stops it and forgets that.
func (b *bench) start(kind string, o subject.Options) (s *subject.Subject, end func() error, err error) {
	b.started++
	o.Program, o.Kind, o.Data = b.program, kind, filepath.Join(b.dir, fmt.Sprint(b.started))
	drop := func() error { return nil }
	if b.pg && kind != "raw" && o.Database == "" {
		if o.Database, drop, err = pgtest.Create(""); err != nil {
			return nil, nil, err
		}
	}
	if s, err = subject.Start(o); err != nil {
		return nil, nil, errors.Join(err, drop())
	}
	return s, func() error {
		s.Stop()
		return errors.Join(drop(), os.RemoveAll(o.Data))
	}, nil
}

// hold notes a promise that was broken, if it was. The baselines promise nothing.
func (b *bench) hold(kind, where string, err error) {
	if err == nil {
		return
	}
	what := fmt.Sprintf("%s, %s: %v", kind, where, err)
	fmt.Fprintln(os.Stderr, what)
	if kind == "zeblit" {
		b.broken = append(b.broken, what)
	} else {
		b.odd = append(b.odd, what)
	}
}

// command is how this run was begun.
func command() string {
	said := "`go run ./bench/fanout"
	flag.Visit(func(f *flag.Flag) {
		if f.Name != "o" {
			said += fmt.Sprintf(" -%s=%s", f.Name, f.Value)
		}
	})
	return said + "`"
}
