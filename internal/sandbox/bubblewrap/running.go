//go:build linux

package bubblewrap

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/zeblit/zeblit/internal/sandbox"
	"github.com/zeblit/zeblit/internal/sandbox/cgroup"
	"github.com/zeblit/zeblit/internal/sandbox/keep"
	"github.com/zeblit/zeblit/internal/sandbox/link"
	"github.com/zeblit/zeblit/internal/sandbox/seccomp"
	"github.com/zeblit/zeblit/internal/sandbox/wire"
)

// Users of the host's that sandboxes have where this process is root, out of a range
// that no convention gives to anybody.
const (
	firstUser = 1_900_000_000
	users     = 1 << 16
)

// ownPids is what the control group lets the part inside have besides the commands'
// processes, whose limit is their own.
const ownPids = 64

// startPatience bounds how long a sandbox may take to answer first.
const startPatience = time.Minute

// running is a sandbox's processes, seen from here.
type running struct {
	id     string
	cmd    *exec.Cmd
	link   *link.Link
	group  *cgroup.Group // nil without control groups
	lock   *keep.Lock
	stderr *tail
	ended  chan struct{} // closed when bwrap has ended, and with it everyone inside
}

// run starts a sandbox. The lock is its own on success, and its caller's otherwise.
func (d *Driver) run(ctx context.Context, spec sandbox.Spec, lock *keep.Lock) (*running, error) {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	program, err := d.program()
	if err != nil {
		return nil, err
	}
	l, err := d.launch(program, spec)
	if err != nil {
		return nil, err
	}
	r := &running{id: spec.ID, cmd: l.cmd, lock: lock, stderr: l.stderr, ended: make(chan struct{})}
	go func() {
		defer close(r.ended)
		_ = l.cmd.Wait() // how it ended is in stderr, if anywhere
	}()
	if err := d.admit(spec, r, l); err != nil {
		return nil, errors.Join(r.because(err), l.connection.Close(), r.finish())
	}
	settings := wire.Settings{Env: spec.Env, Pids: spec.Limits.Pids, OpenFiles: spec.Limits.OpenFiles, FileSize: spec.Limits.FileSize}
	if !d.groups.Has(cgroup.Memory) {
		settings.DataSize = spec.Limits.Memory
	}
	if !d.groups.Has(cgroup.CPU) {
		settings.Nice = 10
	}
	r.link, err = link.Open(ctx, l.connection, settings, r.gone)
	if err != nil {
		return nil, errors.Join(r.because(err), r.finish())
	}
	return r, nil
}

// admit limits the sandbox before anything of it runs, and lets it go on.
func (d *Driver) admit(spec sandbox.Spec, r *running, l *launched) error {
	defer l.closeOurs()
	var info struct {
		Child int `json:"child-pid"`
	}
	if err := json.NewDecoder(l.info).Decode(&info); err != nil {
		return fmt.Errorf("bwrap did not start: %w", err)
	}
	limits := cgroup.Limits{Memory: spec.Limits.Memory, Pids: spec.Limits.Pids + ownPids, CPU: spec.Limits.CPU}
	group, err := d.groups.Make(d.prefix+spec.ID, limits)
	if err != nil {
		return err
	}
	r.group = group
	for _, pid := range []int{l.cmd.Process.Pid, info.Child} {
		if err := group.Add(pid); err != nil {
			return err
		}
	}
	_, err = l.unblock.Write([]byte{0})
	return err
}

// because waits a moment for what bwrap says at its end.
func (r *running) because(err error) error {
	select {
	case <-r.ended:
		if said := r.stderr.String(); said != "" {
			return fmt.Errorf("%w (%s)", err, said)
		}
	case <-time.After(200 * time.Millisecond):
	}
	return err
}

// state is Unreachable where somebody is there who doesn't answer any more.
func (r *running) state() sandbox.State {
	select {
	case <-r.ended:
		return sandbox.Deleted
	default:
	}
	select {
	case <-r.link.Closed():
		return sandbox.Unreachable
	default:
		return sandbox.Running
	}
}

// gone says that the sandbox ended by itself, where it did.
func (r *running) gone() error {
	select {
	case <-r.ended:
	case <-time.After(5 * time.Second): // the connection may break before, on a busy machine long before
		return nil
	}
	return fmt.Errorf("sandbox %s: %w: its processes ended: %s", r.id, sandbox.ErrGone, r.stderr)
}

// end ends the sandbox with everyone inside, and gives the lock back.
func (r *running) end() error { return errors.Join(r.link.Close(), r.finish(), r.lock.Close()) }

// finish leaves the lock to its caller.
func (r *running) finish() error {
	_ = r.cmd.Process.Kill() // it may have ended; whoever is inside ends with it
	<-r.ended
	var failed error
	if r.group != nil {
		failed = r.group.Remove()
	}
	return failed
}

// launched is a bwrap that waits to be let on.
type launched struct {
	cmd        *exec.Cmd
	connection io.ReadWriteCloser // to the part inside
	info       *os.File
	unblock    *os.File
	stderr     *tail
}

func (l *launched) closeOurs() {
	_ = l.info.Close()
	_ = l.unblock.Close()
}

func (d *Driver) launch(program string, spec sandbox.Spec) (_ *launched, err error) {
	filter, err := seccomp.Bytes()
	if err != nil {
		return nil, err
	}
	files := &handed{}
	defer files.close()
	l := &launched{stderr: &tail{}}
	var theirs [2]*os.File
	if l.info, theirs[0], err = os.Pipe(); err != nil {
		return nil, err
	}
	if theirs[1], l.unblock, err = os.Pipe(); err != nil {
		return nil, errors.Join(err, theirs[0].Close(), l.info.Close())
	}
	infoFD, blockFD := files.add(theirs[0]), files.add(theirs[1])
	filterFD, err := files.content(filter)
	if err != nil {
		l.closeOurs()
		return nil, err
	}
	args, err := d.arguments(program, spec, files)
	if err != nil {
		l.closeOurs()
		return nil, err
	}
	args = append([]string{"--info-fd", infoFD, "--block-fd", blockFD, "--seccomp", filterFD}, args...)
	l.cmd = exec.Command(d.bwrap, args...)
	l.cmd.Env = []string{}
	l.cmd.Dir = "/"
	l.cmd.Stderr = l.stderr
	l.cmd.ExtraFiles = files.files
	l.cmd.SysProcAttr = attributes(spec.ID)
	l.connection, err = d.start.start(l.cmd)
	if err != nil {
		l.closeOurs()
		return nil, fmt.Errorf("start bwrap: %w", err)
	}
	return l, nil
}

// attributes give bwrap a process group of its own, so that a terminal's signals are not
// its, and where we are root a user without any rights or files.
func attributes(id string) *syscall.SysProcAttr {
	attributes := &syscall.SysProcAttr{Setpgid: true}
	if os.Geteuid() == 0 {
		user := hostUser(id)
		attributes.Credential = &syscall.Credential{Uid: user, Gid: user}
	}
	return attributes
}

func hostUser(id string) uint32 {
	h := fnv.New32a()
	_, _ = io.WriteString(h, id)
	return firstUser + h.Sum32()%users
}

// forgetGroup removes what a sandbox that was lost left of its control group.
func (d *Driver) forgetGroup(id string) error {
	group, err := d.groups.Make(d.prefix+id, cgroup.Limits{})
	if err != nil {
		return err
	}
	return group.Remove()
}
