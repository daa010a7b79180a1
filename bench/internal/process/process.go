// Package process builds programs, runs them, and reads what they use from /proc:
// what all benchmarks share. Linux only.
package process

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Build compiles the command in source, a path like ./cmd/zeblit, to the file program.
func Build(program, source string) error {
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, source)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w: %s", source, err, out)
	}
	return nil
}

// Process is a running program.
type Process struct {
	cmd  *exec.Cmd
	errs *tail
	in   io.Closer
	// Said is what stood behind the words that Start waited for, to the line's end.
	Said string
	// Ready is how long it took to say so.
	Ready time.Duration

	ended chan struct{}
	once  sync.Once
}

// patience is how long a program may take to say that it is ready.
const patience = time.Minute

// Start runs a program until it prints a line with the words ready, or, with none,
// at once. Its standard input stays open as long as this process lives.
func Start(ready string, environment []string, program string, args ...string) (*Process, error) {
	p := &Process{cmd: exec.Command(program, args...), errs: new(tail), ended: make(chan struct{})}
	p.cmd.Env = environment
	p.cmd.Stderr = p.errs
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	begun := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	said := make(chan string, 1)
	go func() {
		defer close(p.ended)
		defer close(said)
		lines := bufio.NewReader(out)
		for ready != "" {
			line, err := lines.ReadString('\n')
			if _, after, found := strings.Cut(line, ready); found {
				said <- strings.TrimSpace(after)
				break
			}
			if err != nil {
				break
			}
		}
		_, _ = io.Copy(io.Discard, lines)
		_ = p.cmd.Wait()
	}()
	if ready == "" {
		return p, nil
	}
	select {
	case words, ok := <-said:
		if ok {
			p.Said, p.Ready = words, time.Since(begun)
			return p, nil
		}
	case <-time.After(patience):
	}
	p.Kill()
	return nil, fmt.Errorf("%s did not become ready: %s", program, p.errs)
}

// PID is the process's id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// CPU and Memory are those of the functions of the same names.
func (p *Process) CPU() (time.Duration, error) { return CPU(p.PID()) }

// Memory is the resident memory in bytes.
func (p *Process) Memory() (int64, error) { return Memory(p.PID()) }

// Stop asks the program to end, and kills it where that takes long.
func (p *Process) Stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(20 * time.Second):
	}
	p.Kill()
}

// Kill ends the program as kill -9 does.
func (p *Process) Kill() {
	p.once.Do(func() {
		_ = p.cmd.Process.Kill()
		_ = p.in.Close()
		<-p.ended
	})
}

// Errors is the last of what the program wrote on its standard error.
func (p *Process) Errors() string { return p.errs.String() }

// tail keeps the last of what is written to it.
type tail struct {
	mu   sync.Mutex
	kept []byte
}

const tailBytes = 4 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, b...)
	if len(t.kept) > tailBytes {
		t.kept = append(t.kept[:0], t.kept[len(t.kept)-tailBytes:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.kept)
}

// RaiseFiles allows this process, and those that it starts, as many open files as
// the system lets it have; fewer than least is an error.
func RaiseFiles(least uint64) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	limit.Cur = limit.Max
	if limit.Cur < least {
		limit.Cur, limit.Max = least, least
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return errors.Join(fmt.Errorf("%d open files are needed (ulimit -n)", least), err)
	}
	return nil
}
