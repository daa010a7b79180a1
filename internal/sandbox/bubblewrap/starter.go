//go:build linux

package bubblewrap

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
)

// starter starts processes from one thread that lives as long as the driver: the kernel
// tells a process that its parent died when the thread ends that started it.
type starter struct {
	requests chan startRequest // unbuffered: whoever asks waits
	done     chan struct{}
}

type startRequest struct {
	cmd    *exec.Cmd
	result chan<- error // with room for the one result
}

func newStarter() *starter {
	s := &starter{requests: make(chan startRequest), done: make(chan struct{})}
	go func() {
		defer close(s.done)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		for request := range s.requests {
			request.result <- request.cmd.Start()
		}
	}()
	return s
}

// start starts a command and returns a connection to its standard streams.
func (s *starter) start(cmd *exec.Cmd) (io.ReadWriteCloser, error) {
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, theirs, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	defer func() { _ = theirs.Close() }()
	cmd.Stdout = theirs // not a pipe of cmd's, which it would close before everything is read
	result := make(chan error, 1)
	s.requests <- startRequest{cmd, result}
	if err := <-result; err != nil {
		return nil, errors.Join(err, in.Close(), out.Close())
	}
	return &connection{Reader: out, Writer: in, closers: []io.Closer{in, out}}, nil
}

func (s *starter) close() {
	close(s.requests)
	<-s.done
}

type connection struct {
	io.Reader
	io.Writer
	closers []io.Closer
	once    sync.Once
}

func (c *connection) Close() error {
	c.once.Do(func() {
		for _, closer := range c.closers {
			_ = closer.Close()
		}
	})
	return nil
}

// handed are files that a child gets, from descriptor 3 on.
type handed struct{ files []*os.File }

func (h *handed) add(f *os.File) string {
	h.files = append(h.files, f)
	return strconv.Itoa(2 + len(h.files))
}

// content hands over a few kilobytes to read.
func (h *handed) content(content []byte) (string, error) {
	reader, writer, err := os.Pipe()
	if err != nil {
		return "", err
	}
	descriptor := h.add(reader)
	if len(content) > 60<<10 { // what a pipe holds, so that writing doesn't wait
		return "", errors.Join(errors.New("too much to hand over"), writer.Close())
	}
	_, err = writer.Write(content)
	return descriptor, errors.Join(err, writer.Close())
}

func (h *handed) close() {
	for _, f := range h.files {
		_ = f.Close()
	}
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailSize = 2 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if extra := len(t.text) - tailSize; extra > 0 {
		t.text = append(t.text[:0], t.text[extra:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.text))
}
