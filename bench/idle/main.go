// Command idle measures how long a server takes to be ready and the memory it
// holds three seconds later, doing nothing, beside the bare baseline. Linux only.
//
//	go run ./bench/idle
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/zeblit/zeblit/bench/internal/process"
)

const settle = 3 * time.Second

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	dir, err := os.MkdirTemp("", "zeblit-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	zeblit, bare := filepath.Join(dir, "zeblit"), filepath.Join(dir, "bare")
	for program, source := range map[string]string{zeblit: "./cmd/zeblit", bare: "./bench/bare"} {
		if err := process.Build(program, source); err != nil {
			return err
		}
	}
	serve := []string{"serve", "--addr", "127.0.0.1:0", "--data-dir", filepath.Join(dir, "data")}
	base, err := measure(bare)
	if err != nil {
		return err
	}
	fmt.Println("| program | start | ready | RSS after 3 s | to the baseline |\n|---|---|---|---|---|")
	show("net/http alone", "warm", base, base)
	for _, start := range []string{"very first", "second", "third"} {
		m, err := measure(zeblit, serve...)
		if err != nil {
			return err
		}
		show("`zeblit serve`, embedded", start, m, base)
	}
	return nil
}

type figure struct {
	ready time.Duration
	rss   float64 // MB of 10^6 bytes
}

func show(name, start string, m, base figure) {
	fmt.Printf("| %s | %s | %d ms | %.1f MB | %.1f × |\n", name, start, m.ready.Milliseconds(), m.rss, m.rss/base.rss)
}

func measure(program string, args ...string) (figure, error) {
	p, err := process.Start("is ready at ", os.Environ(), program, args...)
	if err != nil {
		return figure{}, err
	}
	defer p.Stop()
	time.Sleep(settle)
	rss, err := p.Memory()
	return figure{p.Ready, float64(rss) / 1e6}, err
}
