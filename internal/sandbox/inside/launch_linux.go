//go:build linux && (amd64 || arm64)

package inside

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/zeblit/zeblit/internal/sandbox"
)

// pipes are ends of a command's input, outputs, and the status of its start.
type pipes struct{ in, out, err, status *os.File }

func (p *pipes) files() []*os.File { return []*os.File{p.in, p.out, p.err, p.status} }

func (p *pipes) close() {
	for _, f := range p.files() {
		if f != nil {
			_ = f.Close() // those that are closed already say so
		}
	}
}

// makePipes returns our ends and theirs.
func makePipes() (ours, theirs *pipes, err error) {
	ours, theirs = &pipes{}, &pipes{}
	if theirs.in, ours.in, err = os.Pipe(); err == nil {
		if ours.out, theirs.out, err = os.Pipe(); err == nil {
			if ours.err, theirs.err, err = os.Pipe(); err == nil {
				ours.status, theirs.status, err = os.Pipe()
			}
		}
	}
	if err != nil {
		ours.close()
		theirs.close()
	}
	return ours, theirs, err
}

// await reads what the step says of its start.
func (p *pipes) await(program string) error {
	defer func() { _ = p.status.Close() }()
	said, err := io.ReadAll(io.LimitReader(p.status, 4096))
	if err != nil {
		return err
	}
	rest, started := strings.CutPrefix(string(said), ready)
	switch {
	case started && rest == "":
		return nil
	case rest == "":
		return fmt.Errorf("%w: the command could not be started", sandbox.ErrNoResources)
	}
	code, why, _ := strings.Cut(rest, " ")
	number, _ := strconv.Atoi(code)
	switch errno := unix.Errno(number); errno {
	case unix.ENOENT:
		// The program was there: what it needs to be interpreted wasn't.
		return fmt.Errorf("%w: %s, or what it is to be interpreted by", sandbox.ErrNoCommand, program)
	case unix.EACCES, unix.ENOEXEC, unix.EPERM:
		return fmt.Errorf("%w: %s: %w", sandbox.ErrNotExecutable, program, errno)
	case unix.EAGAIN, unix.ENOMEM, unix.EMFILE, unix.ENFILE:
		return fmt.Errorf("%w: %w", sandbox.ErrNoResources, errno)
	}
	return fmt.Errorf("start %s: %s", program, why)
}

// ownSession makes a command the head of a session and group of its own, without a
// terminal.
func ownSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// lookUp finds a program as a shell would, with the command's own PATH.
func lookUp(name, dir string, env []string) (string, error) {
	if strings.ContainsRune(name, '/') {
		if !path.IsAbs(name) {
			name = path.Join(dir, name)
		}
		return name, executable(name)
	}
	list := ""
	for _, pair := range env {
		if value, ok := strings.CutPrefix(pair, "PATH="); ok {
			list = value
		}
	}
	found := fmt.Errorf("%w: %s", sandbox.ErrNoCommand, name)
	for folder := range strings.SplitSeq(list, ":") {
		if !path.IsAbs(folder) {
			folder = path.Join(dir, folder)
		}
		program := path.Join(folder, name)
		err := executable(program)
		if err == nil {
			return program, nil
		}
		if errors.Is(err, sandbox.ErrNotExecutable) {
			found = err
		}
	}
	return "", found
}

func executable(program string) error {
	var stat unix.Stat_t
	err := unix.Stat(program, &stat)
	switch {
	case errors.Is(err, unix.EACCES):
		return fmt.Errorf("%w: %s", sandbox.ErrNotExecutable, program)
	case err != nil:
		return fmt.Errorf("%w: %s", sandbox.ErrNoCommand, program)
	case stat.Mode&unix.S_IFMT != unix.S_IFREG || unix.Access(program, unix.X_OK) != nil:
		return fmt.Errorf("%w: %s", sandbox.ErrNotExecutable, program)
	}
	return nil
}

// lacking names what the sandbox has run out of.
func lacking(err error) error {
	for _, errno := range []error{unix.EAGAIN, unix.ENOMEM, unix.EMFILE, unix.ENFILE} {
		if errors.Is(err, errno) {
			return fmt.Errorf("%w: %w", sandbox.ErrNoResources, err)
		}
	}
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return fmt.Errorf("%w: %w", sandbox.ErrDiskFull, err)
	}
	return err
}
