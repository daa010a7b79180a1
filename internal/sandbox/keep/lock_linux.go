//go:build linux

package keep

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/zeblit/zeblit/internal/sandbox"
)

// whole is a lock on all of a file that belongs to what was opened, not to the process:
// it ends when the last descriptor of it does, also by SIGKILL.
func whole() *unix.Flock_t { return &unix.Flock_t{Type: unix.F_WRLCK} }

// Lock takes it, or fails with ErrUnreachable where another process has it.
func (f Folder) Lock() (*Lock, error) {
	file, err := os.OpenFile(f.file("lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.FcntlFlock(file.Fd(), unix.F_OFD_SETLK, whole()); err != nil {
		_ = file.Close()
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
			return nil, fmt.Errorf("%w: another process of this machine has it", sandbox.ErrUnreachable)
		}
		return nil, err
	}
	return &Lock{file}, nil
}

// Lock is one that this process has.
type Lock struct{ file *os.File }

// Close gives it back, also where a process that has just been started, and isn't yet
// another program, has a copy of the descriptor.
func (l *Lock) Close() error {
	err := unix.FcntlFlock(l.file.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_UNLCK})
	return errors.Join(err, l.file.Close())
}

// Locked reports whether somebody has the lock, without taking it.
func (f Folder) Locked() (bool, error) {
	lock, err := os.OpenFile(f.file("lock"), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { _ = lock.Close() }()
	asked := whole()
	err = unix.FcntlFlock(lock.Fd(), unix.F_OFD_GETLK, asked)
	return asked.Type != unix.F_UNLCK, err
}

// Make makes the folder, which must not be there, with the lock taken. It gets its name
// last, so that nobody sees it without its lock.
func (f Folder) Make(spec sandbox.Spec) (*Lock, error) {
	if f.Exists() {
		return nil, sandbox.ErrExists
	}
	made, err := os.MkdirTemp(filepath.Dir(string(f)), unfinished)
	if err != nil {
		return nil, err
	}
	fresh := Folder(made)
	lock, err := fresh.Lock()
	if err != nil {
		return nil, errors.Join(err, fresh.Remove())
	}
	err = fresh.Save(spec)
	if err == nil {
		err = os.Rename(made, string(f))
		if errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, fs.ErrExist) {
			err = sandbox.ErrExists
		}
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close(), fresh.Remove())
	}
	return lock, nil
}
