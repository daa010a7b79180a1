// Package redistest gives tests a Redis: the one that TEST_REDIS_URL names, else
// one of the test process's own; and private ones for tests that break it. What it
// starts keeps nothing on disk and ends with the process, however that ends.
package redistest

import (
	"os"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

var shared = sync.OnceValues(func() (string, error) {
	if given := os.Getenv("TEST_REDIS_URL"); given != "" {
		return given, nil
	}
	p, err := start(tcp)
	if err != nil {
		return "", err
	}
	keep = p
	_ = keep
	return p.url, nil
})

// keep holds the shared server's pipe open: it closes with the process, which stops
// the server.
var keep *process

// URL is the Redis that all tests of this process share, and perhaps those of
// others: names in it must be a test's own.
func URL(t testing.TB) string {
	t.Helper()
	url, err := shared()
	require.NoError(t, err)
	return url
}

// Server is a Redis of one test's own.
type Server struct {
	t   TB
	url string

	mu      sync.Mutex
	process *process // nil while it is stopped
}

// TB is what Private needs of a test.
type TB interface {
	require.TestingT
	Helper()
	Cleanup(func())
}

// Private starts a Redis that ends with the test.
func Private(t TB) *Server {
	t.Helper()
	p, err := start(unix)
	require.NoError(t, err)
	s := &Server{t: t, url: p.url, process: p}
	t.Cleanup(func() {
		s.Stop()
		require.NoError(t, p.remove())
	})
	return s
}

// URL stays the same when the server is stopped and started.
func (s *Server) URL() string { return s.url }

// Stop kills the server: all that it knew is lost.
func (s *Server) Stop() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process != nil {
		require.NoError(s.t, s.process.kill())
		s.process = nil
	}
}

// Start brings a stopped server back, empty, and returns when it answers.
func (s *Server) Start() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	require.Nil(s.t, s.process, "it runs")
	p, err := startAt(s.url)
	require.NoError(s.t, err)
	s.process = p
}

// Pause makes the server hang: it takes connections and answers nothing.
func (s *Server) Pause() { s.signal(syscall.SIGSTOP) }

// Resume ends Pause.
func (s *Server) Resume() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	require.NotNil(s.t, s.process, "it doesn't run")
	require.NoError(s.t, syscall.Kill(s.process.pid, sig))
}
