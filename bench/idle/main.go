// Command idle measures how long a server takes to be ready and the memory it
// holds three seconds later, doing nothing, beside the bare baseline. Linux only.
//
//	go run ./bench/idle
package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
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
		build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, source)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w: %s", source, err, out)
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
	cmd := exec.Command(program, args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return figure{}, err
	}
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		return figure{}, err
	}
	defer func() { _ = cmd.Process.Signal(syscall.SIGTERM); _ = cmd.Wait() }()
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.Contains(lines.Text(), "is ready at ") {
			ready := time.Since(begun)
			time.Sleep(settle)
			rss, err := residentMemory(cmd.Process.Pid)
			return figure{ready, rss}, err
		}
	}
	return figure{}, fmt.Errorf("%s ended before it was ready", program)
}

var rssLine = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)

func residentMemory(pid int) (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	found := rssLine.FindSubmatch(status)
	if found == nil {
		return 0, fmt.Errorf("no VmRSS of %d", pid)
	}
	kib, err := strconv.Atoi(string(found[1]))
	return float64(kib) * 1024 / 1e6, err
}
