// Command sockets measures what sockets leave behind, and what many of them cost. Ten
// thousand subscribe and are cut in every way there is, the cable pulled included, and
// goroutines and memory must be what they were before. Then one process holds 5,000
// sockets, and a thousand runs whose models don't answer. Linux only.
//
//	go run ./bench/sockets         # about four minutes; writes docs/benchmarks.md
//	go run ./bench/sockets -short  # a look, in half a minute; writes nothing
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/zeblit/zeblit/bench/internal/document"
	"github.com/zeblit/zeblit/bench/internal/process"
)

type settings struct {
	cycles, batch int
	sockets, runs int
	short         bool
	only, file    string
}

func main() {
	var s settings
	flag.IntVar(&s.cycles, "cycles", 10_000, "sockets that subscribe and are cut")
	flag.IntVar(&s.batch, "batch", 200, "of them at a time")
	flag.IntVar(&s.sockets, "sockets", 5000, "sockets that one process holds")
	flag.IntVar(&s.runs, "runs", 1000, "runs that wait for their models in it")
	flag.BoolVar(&s.short, "short", false, "few of each, and no pulled cables")
	flag.StringVar(&s.only, "only", "", "parts to run, separated by commas: cycles,ceiling; the document is not written")
	flag.StringVar(&s.file, "o", document.File, "the document to write into")
	flag.Parse()
	if s.short {
		s.cycles, s.sockets, s.runs, s.file = 800, 500, 100, ""
	}
	if s.only != "" {
		s.file = ""
	}
	if err := run(s); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// part measures in a folder of its own. It returns what it found, and with it an
// error where that is not what was promised.
type part struct {
	name, section, title string
	do                   func(s settings, dir string) (text string, broken, err error)
}

func run(s settings) error {
	if err := process.RaiseFiles(16_000); err != nil {
		return err
	}
	var promises error
	for _, p := range []part{
		{"cycles", "leaks", "Sockets that come and go", cycles},
		{"ceiling", "ceiling", "One process with all it may have", ceiling},
	} {
		if s.only != "" && !slices.Contains(strings.Split(s.only, ","), p.name) {
			continue
		}
		dir, err := os.MkdirTemp("", "zeblit-bench-")
		if err != nil {
			return err
		}
		text, broken, err := p.do(s, dir)
		if err = errors.Join(err, os.RemoveAll(dir)); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		if err := document.Write(s.file, p.section, p.title, text); err != nil {
			return err
		}
		promises = errors.Join(promises, broken)
	}
	return promises
}

// command is how this run was begun.
func command() string {
	said := "`go run ./bench/sockets"
	flag.Visit(func(f *flag.Flag) {
		if f.Name != "o" {
			said += fmt.Sprintf(" -%s=%s", f.Name, f.Value)
		}
	})
	return said + "`"
}
