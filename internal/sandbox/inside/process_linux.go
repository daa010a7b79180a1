//go:build linux && (amd64 || arm64)

package inside

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/zeblit/zeblit/internal/sandbox"
	"github.com/zeblit/zeblit/internal/sandbox/wire"
)

// process is a command with its tree.
type process struct {
	id    int
	mark  uint64
	ended chan struct{} // closed when exit is set

	mu   sync.Mutex
	exit sandbox.Exit
	out  bool // it ran out of time

	oomBefore int
	timer     *time.Timer // nil without a timeout
}

// sessionProcesses are those that one connection started.
type sessionProcesses struct {
	mu   sync.Mutex
	ends []func()
	dead bool
}

func (s *sessionProcesses) add(end func()) {
	s.mu.Lock()
	dead := s.dead
	s.ends = append(s.ends, end)
	s.mu.Unlock()
	if dead {
		end()
	}
}

func (s *sessionProcesses) kill() {
	s.mu.Lock()
	s.dead = true
	ends := s.ends
	s.mu.Unlock()
	for _, end := range ends {
		end()
	}
}

// start starts a command and carries its output until nobody can write any more.
func (a *agent) start(stream io.ReadWriter, command *wire.Command, owned *sessionProcesses) (wire.Reply, error) {
	pipes, p, err := a.launch(command)
	if err != nil {
		return wire.Reply{}, err
	}
	owned.add(func() { _ = a.finish(p.id) })
	if err := wire.WriteJSON(stream, wire.Reply{Process: p.id}); err != nil {
		pipes.close()
		return wire.Reply{}, errors.Join(err, a.finish(p.id))
	}
	var carrying sync.WaitGroup
	defer carrying.Wait()
	carrying.Add(1)
	go func() {
		defer carrying.Done()
		feed(pipes.in, stream, command.Input)
		if err := untilGone(stream); err != nil {
			_ = a.finish(p.id) // nobody is there to see the rest
		}
	}()
	carryOutput(stream, pipes)
	// The last frame; then the other side closes, which ends the goroutine above.
	return wire.Reply{}, wire.Write(stream, wire.End, nil)
}

// feed gives a command its input.
func feed(in *os.File, stream io.Reader, more bool) {
	defer func() { _ = in.Close() }()
	if !more {
		return
	}
	data := wire.NewDataReader(stream)
	if _, err := io.Copy(in, data); err != nil {
		_, _ = io.Copy(io.Discard, data) // the command doesn't read any more
	}
}

// untilGone reads, though nothing comes, to see the other side's end of a stream.
func untilGone(stream io.Reader) error {
	_, err := io.Copy(io.Discard, stream)
	if err == nil {
		err = io.EOF
	}
	return err
}

func carryOutput(stream io.Writer, pipes *pipes) {
	var carrying sync.WaitGroup
	var writing sync.Mutex
	for _, output := range []struct {
		kind wire.Kind
		from *os.File
	}{{wire.Stdout, pipes.out}, {wire.Stderr, pipes.err}} {
		carrying.Go(func() {
			defer func() { _ = output.from.Close() }()
			frame := make([]byte, wire.Room+32<<10)
			for {
				n, err := output.from.Read(frame[wire.Room:])
				if n > 0 {
					writing.Lock()
					failed := wire.WriteIn(stream, output.kind, frame[:wire.Room+n])
					writing.Unlock()
					if failed != nil {
						return
					}
				}
				if err != nil {
					return
				}
			}
		})
	}
	carrying.Wait()
}

// launch starts a command under a new mark.
func (a *agent) launch(command *wire.Command) (*pipes, *process, error) {
	if command == nil || len(command.Argv) == 0 || command.Argv[0] == "" {
		return nil, nil, fmt.Errorf("%w: none was given", sandbox.ErrNoCommand)
	}
	a.mu.Lock()
	settings, env := a.settings, merge(a.env, command.Env)
	mark := a.nextMark
	a.nextMark += 4096 // some tools show it in pages
	a.mu.Unlock()

	// Nobody stops process 1, which has room of its own, from starting more than may run.
	if settings.Pids > 0 && threads(members(0)) >= settings.Pids {
		return nil, nil, fmt.Errorf("%w: %d processes run", sandbox.ErrNoResources, settings.Pids)
	}
	dir, err := commandDir(command.Dir)
	if err != nil {
		return nil, nil, err
	}
	program, err := lookUp(command.Argv[0], dir, env)
	if err != nil {
		return nil, nil, err
	}
	raw, err := json.Marshal(step{Program: program, Argv: command.Argv, Dir: dir, Mark: mark, Settings: settings.ForStep()})
	if err != nil {
		return nil, nil, err
	}
	pipes, theirs, err := makePipes()
	if err != nil {
		return nil, nil, lacking(err)
	}
	defer theirs.close()
	p := &process{mark: mark, ended: make(chan struct{}), oomBefore: oomKills()}
	pid, ended, err := a.reaper.launch(func() (*os.Process, error) {
		return os.StartProcess("/proc/self/exe", []string{"zeblit", startWord, string(raw)},
			&os.ProcAttr{Dir: "/", Env: env, Files: theirs.files(), Sys: ownSession()})
	})
	if err != nil {
		pipes.close()
		return nil, nil, lacking(err)
	}
	theirs.close()
	if err := pipes.await(program); err != nil {
		pipes.close()
		<-ended
		return nil, nil, err
	}
	p.id = pid
	a.mu.Lock()
	a.processes[pid] = p
	a.mu.Unlock()
	if command.TimeoutMS > 0 {
		p.timer = time.AfterFunc(time.Duration(command.TimeoutMS)*time.Millisecond, func() {
			p.mu.Lock()
			p.out = true
			p.mu.Unlock()
			_ = a.reaper.kill(mark)
		})
	}
	go a.await(p, ended)
	return pipes, p, nil
}

// await notes how a command ended. It ends with the command, which ends with this
// process at the latest.
func (a *agent) await(p *process, ended <-chan unix.WaitStatus) {
	status := <-ended
	if p.timer != nil && p.timer.Stop() {
		p.timer = nil
	}
	left := len(members(p.mark))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.exit = sandbox.Exit{Code: status.ExitStatus(), TimedOut: p.out, Left: left, OutOfMemory: oomKills() > p.oomBefore}
	if status.Signaled() {
		p.exit.Code = 128 + int(status.Signal())
		p.exit.Signal = strings.TrimPrefix(unix.SignalName(status.Signal()), "SIG")
	}
	close(p.ended)
}

func (a *agent) find(id int) (*process, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if p := a.processes[id]; p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("%w: %d", sandbox.ErrNoProcess, id)
}

// wait answers when the command has ended, or never once the other side has gone.
func (a *agent) wait(stream io.Reader, id int) (wire.Reply, error) {
	p, err := a.find(id)
	if err != nil {
		return wire.Reply{}, err
	}
	gone := make(chan error, 1) // the one end of the stream
	go func() { gone <- untilGone(stream) }()
	select {
	case <-p.ended:
		exit := p.exit
		return wire.Reply{Exit: &exit}, nil
	case err := <-gone:
		return wire.Reply{}, err
	}
}

func (a *agent) signal(id int, name string) error {
	p, err := a.find(id)
	if err != nil {
		return err
	}
	number := unix.SignalNum("SIG" + name)
	switch name {
	case "KILL":
		return a.reaper.kill(p.mark)
	case "INT", "TERM", "HUP", "QUIT", "STOP", "CONT", "USR1", "USR2":
		if send(p.mark, number) == 0 {
			return fmt.Errorf("%w: %d", sandbox.ErrNoProcess, id)
		}
		return nil
	}
	return fmt.Errorf("%w: %q", sandbox.ErrBadSignal, name)
}

// finish kills what is left of a command's tree and forgets it.
func (a *agent) finish(id int) error {
	a.mu.Lock()
	p := a.processes[id]
	a.mu.Unlock()
	if p == nil {
		return nil // it was finished before
	}
	if err := a.reaper.kill(p.mark); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.processes[id] == p {
		delete(a.processes, id)
	}
	return nil
}

func merge(base []string, extra map[string]string) []string {
	env := make([]string, 0, len(base)+len(extra))
	for _, pair := range base {
		name, _, _ := strings.Cut(pair, "=")
		if _, replaced := extra[name]; !replaced {
			env = append(env, pair)
		}
	}
	for name, value := range extra {
		env = append(env, name+"="+value)
	}
	return env
}

func commandDir(name string) (string, error) {
	dir := path.Join(sandbox.Work, path.Clean("/"+name))
	var stat unix.Stat_t
	if err := unix.Stat(dir, &stat); err != nil || stat.Mode&unix.S_IFMT != unix.S_IFDIR {
		return "", fmt.Errorf("%w: %s", sandbox.ErrNoFolder, strconv.Quote(name))
	}
	return dir, nil
}
