package faulttest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Slot is the place of one process in the installation: a server at its address, or a
// worker. Its processes come and go.
type Slot struct {
	name        string
	url         string // of a server; empty for a worker
	dir         string // its log
	data        string // its data folder
	args        []string
	binary      string
	environment func(s *Slot, life int) []string

	mu    sync.Mutex
	port  io.Closer // keeps a server's port from others until its first process takes it
	life  int
	now   *process // nil when none was started
	known int      // exits by SIGKILL, whoever sent it
}

type process struct {
	cmd   *exec.Cmd
	app   string // its name on its database connections
	began time.Time
	done  chan struct{} // closed when it has ended
	// tether is its standard input: it dies when that closes, as it does with us.
	tether io.Closer
}

// Start begins the next process, which dies at fault (see package faults) unless that
// is empty. A server is waited for, unless it dies before it answers.
func (s *Slot) Start(fault string) error {
	s.mu.Lock()
	if s.now != nil && !s.now.ended() {
		s.mu.Unlock()
		return fmt.Errorf("%s runs already", s.name)
	}
	s.life++
	log, err := os.OpenFile(s.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.mu.Unlock()
		return err
	}
	p := &process{cmd: exec.Command(s.binary, s.args...), app: s.app(s.life), began: time.Now(), done: make(chan struct{})}
	p.cmd.Env = append(s.environment(s, s.life), "ZEBLIT_DATA_DIR="+s.data, "ZEBLIT_FAULT="+fault, "ZEBLIT_FAULT_TETHER=1")
	tether, err := p.cmd.StdinPipe()
	if err != nil {
		s.mu.Unlock()
		return err
	}
	p.tether = tether
	p.cmd.Stdout, p.cmd.Stderr = log, log
	// A Ctrl-C is for this process, which ends them in order.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.letGo()
	err = p.cmd.Start()
	_ = log.Close()
	if err != nil {
		s.mu.Unlock()
		return err
	}
	s.now = p
	s.mu.Unlock()
	go func() {
		_ = p.cmd.Wait() // closes the tether too
		s.mu.Lock()
		if status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() && status.Signal() == syscall.SIGKILL {
			s.known++
		}
		s.mu.Unlock()
		close(p.done)
	}()
	if s.url == "" {
		return nil
	}
	return s.await(p)
}

// letGo frees the port that is kept, if one is. It is called under mu, or when nothing runs.
func (s *Slot) letGo() {
	if s.port != nil {
		_ = s.port.Close()
		s.port = nil
	}
}

func (s *Slot) await(p *process) error {
	client := http.Client{Timeout: time.Second}
	defer client.CloseIdleConnections()
	for begun := time.Now(); time.Since(begun) < patience; time.Sleep(25 * time.Millisecond) {
		if p.ended() {
			return nil
		}
		res, err := client.Get(s.url + "/health")
		if err == nil {
			_ = res.Body.Close()
			return nil
		}
	}
	return fmt.Errorf("%s did not come up: %s", s.name, s.tail())
}

func (s *Slot) app(life int) string { return fmt.Sprintf("%s.%d", s.name, life) }
func (s *Slot) logFile() string     { return filepath.Join(s.dir, "log") }

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

func (s *Slot) current() *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// Running reports whether its process is there.
func (s *Slot) Running() bool {
	p := s.current()
	return p != nil && !p.ended()
}

// Kills is how many of its processes died by SIGKILL.
func (s *Slot) Kills() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known
}

// Kill is kill -9.
func (s *Slot) Kill() { s.end(syscall.SIGKILL) }

// Stop asks the process to end (SIGTERM) and waits; one that takes longer than limit
// is killed, which is an error.
func (s *Slot) Stop(limit time.Duration) error {
	p := s.current()
	if p == nil || p.ended() {
		return nil
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
		if code := p.cmd.ProcessState.ExitCode(); code != 0 {
			return fmt.Errorf("%s ended with %d after SIGTERM: %s", s.name, code, s.tail())
		}
		return nil
	case <-time.After(limit):
		s.Kill()
		return fmt.Errorf("%s did not end within %s of SIGTERM", s.name, limit)
	}
}

func (s *Slot) end(signal syscall.Signal) {
	p := s.current()
	if p == nil {
		return
	}
	_ = p.cmd.Process.Signal(signal)
	<-p.done
}

// Freeze stops the process where it is (SIGSTOP), and Thaw lets it go on.
func (s *Slot) Freeze() error { return s.signal(syscall.SIGSTOP) }

// Thaw ends Freeze.
func (s *Slot) Thaw() error { return s.signal(syscall.SIGCONT) }

func (s *Slot) signal(signal syscall.Signal) error {
	p := s.current()
	if p == nil {
		return errors.New(s.name + " doesn't run")
	}
	return p.cmd.Process.Signal(signal)
}

func (s *Slot) tail() string {
	text, _ := os.ReadFile(s.logFile())
	if len(text) > 2000 {
		text = text[len(text)-2000:]
	}
	return string(bytes.TrimSpace(text))
}
