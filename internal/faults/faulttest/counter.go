package faulttest

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Counter is the world outside: each call of a counting tool leaves a line in its
// file, which only grows. It answers once the line is written.
type Counter struct {
	file   *os.File
	server *http.Server
	url    string
	served chan struct{}
	mu     sync.Mutex
}

// NewCounter listens on a free port and keeps its file in dir.
func NewCounter(dir string) (*Counter, error) {
	f, err := os.OpenFile(filepath.Join(dir, "counter"), os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &Counter{file: f, url: "http://" + l.Addr().String(), served: make(chan struct{})}
	c.server = &http.Server{Handler: http.HandlerFunc(c.count), ReadHeaderTimeout: time.Minute}
	go func() {
		defer close(c.served)
		_ = c.server.Serve(l)
	}()
	return c, nil
}

// URL is for ZEBLIT_FAULT_COUNTER.
func (c *Counter) URL() string { return c.url }

func (c *Counter) count(w http.ResponseWriter, r *http.Request) {
	call, tool := r.FormValue("call"), r.FormValue("tool")
	if call == "" || tool == "" || strings.ContainsAny(call+tool, " \n") {
		http.Error(w, "want call and tool", http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := fmt.Fprintln(c.file, tool, call); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// Counted is how often each tool was made to act by each call.
type Counted map[string]map[string]int // by tool, then by call

// Read reads the file.
func (c *Counter) Read() (Counted, error) {
	f, err := os.Open(c.file.Name())
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	out := Counted{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		tool, call, _ := strings.Cut(lines.Text(), " ")
		if out[tool] == nil {
			out[tool] = map[string]int{}
		}
		out[tool][call]++
	}
	return out, lines.Err()
}

// Close ends it.
func (c *Counter) Close() error {
	err := c.server.Close()
	<-c.served
	_ = c.file.Close()
	return err
}
