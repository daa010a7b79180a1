// Command hostile measures what refusing hostile requests costs a server: its CPU
// time for each, beside a trivial query, and its memory before and after. Linux
// only.
//
//	go run ./bench/hostile [-n 200] [zeblit]
//
// With the path of a built program that one is measured, else one is built.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/zeblit/zeblit/bench/internal/process"
	"github.com/zeblit/zeblit/internal/server/hostile"
)

// most is the CPU time that one refusal may cost.
const most = 10 * time.Millisecond

func main() {
	n := flag.Int("n", 200, "how often each request is sent")
	flag.Parse()
	if err := run(*n, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(n int, program string) error {
	dir, err := os.MkdirTemp("", "zeblit-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if program == "" {
		program = filepath.Join(dir, "zeblit")
		if err := process.Build(program, "./cmd/zeblit"); err != nil {
			return err
		}
	}
	s, err := start(program, dir)
	if err != nil {
		return err
	}
	defer s.Stop()
	return s.measureAll(n)
}

type server struct {
	*process.Process
	url string
}

func start(program, dir string) (*server, error) {
	p, err := process.Start("is ready at ", os.Environ(), program,
		"serve", "--addr", "127.0.0.1:0", "--data-dir", filepath.Join(dir, "data"), "--limits", "off")
	if err != nil {
		return nil, err
	}
	return &server{p, p.Said + "/graphql"}, nil
}

// memory is the resident memory in MB of 10^6 bytes.
func (s *server) memory() (float64, error) {
	rss, err := s.Memory()
	return float64(rss) / 1e6, err
}

func (s *server) measureAll(n int) error {
	time.Sleep(3 * time.Second) // start-up is over
	before, err := s.memory()
	if err != nil {
		return err
	}
	fmt.Printf("| request, %d times each | body | answer | status | CPU | memory after |\n|---|---|---|---|---|---|\n", n)
	set := append([]hostile.Request{{Name: "`{__typename}`, executed", Query: "{__typename}"}}, hostile.Requests()...)
	var slow error
	for i, request := range set {
		cost, err := s.measure(n, request)
		if err != nil {
			return fmt.Errorf("%s: %w", request.Name, err)
		}
		if i > 0 && cost > most {
			slow = errors.Join(slow, fmt.Errorf("%s costs %v, more than %v", request.Name, cost, most))
		}
	}
	time.Sleep(3 * time.Second)
	after, err := s.memory()
	if err != nil {
		return err
	}
	fmt.Printf("\nMemory: %.1f MB before, %.1f MB 3 s after.\n", before, after)
	return slow
}

// measure sends the request n times and shows what each has cost.
func (s *server) measure(n int, request hostile.Request) (time.Duration, error) {
	body := []byte(request.JSON())
	begun, err := s.CPU()
	if err != nil {
		return 0, err
	}
	var status, size int
	for range n {
		if status, size, err = s.send(body); err != nil {
			return 0, err
		}
	}
	ended, err := s.CPU()
	if err != nil {
		return 0, err
	}
	rss, err := s.memory()
	if err != nil {
		return 0, err
	}
	cost := (ended - begun) / time.Duration(n)
	fmt.Printf("| %s | %d KB | %d B | %d | %.2f ms | %.1f MB |\n", request.Name, (len(body)+512)/1024, size, status, float64(cost.Microseconds())/1000, rss)
	return cost, nil
}

// send returns the status and the size of the answer; 0 where the server hung up on
// a body that it would not read.
func (s *server) send(body []byte) (status, size int, err error) {
	resp, err := http.Post(s.url, "application/json", bytes.NewReader(body))
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) {
		return 0, 0, nil
	}
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	return resp.StatusCode, len(answer), err
}
