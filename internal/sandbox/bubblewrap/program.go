//go:build linux

package bubblewrap

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/zeblit/zeblit/internal/sandbox"
)

func find(bwrap string) (string, error) {
	if bwrap == "" {
		bwrap = "bwrap"
	}
	program, err := exec.LookPath(bwrap)
	if err != nil {
		return "", fmt.Errorf("%w: the program %s is missing (Debian: apt-get install bubblewrap)", sandbox.ErrUnavailable, bwrap)
	}
	return program, nil
}

// provide makes the copy of a program that runs inside, where the user that sandboxes
// have can reach it. It may be executed, but not read: the kernel lets nobody trace what
// can't be read. It has its content's name, so that it is copied once.
func provide(program, dir string) (string, error) {
	source, err := os.Open(program)
	if err != nil {
		return "", fmt.Errorf("read the program for the inside of sandboxes: %w", err)
	}
	defer func() { _ = source.Close() }()
	hash := sha256.New()
	if _, err := io.Copy(hash, source); err != nil {
		return "", err
	}
	name := hex.EncodeToString(hash.Sum(nil)[:16])
	var failed error
	for _, base := range bases(dir) {
		copied, err := copyTo(base, name, source)
		if err == nil {
			return copied, nil
		}
		failed = errors.Join(failed, fmt.Errorf("%s: %w", base, err))
	}
	return "", fmt.Errorf("%w: no folder can have the program that runs inside: %w", sandbox.ErrUnavailable, failed)
}

// bases are folders that may do, the likeliest first.
func bases(dir string) []string {
	name := fmt.Sprintf("zeblit-inside-%d", os.Geteuid())
	list := []string{filepath.Join(dir, ".program")}
	if os.Geteuid() == 0 {
		list = append(list, filepath.Join("/run", name))
	}
	return append(list, filepath.Join(os.TempDir(), name))
}

func copyTo(base, name string, source io.ReadSeeker) (string, error) {
	if err := os.MkdirAll(base, 0o711); err != nil {
		return "", err
	}
	if err := suits(base); err != nil {
		return "", err
	}
	target := filepath.Join(base, name)
	if about, err := os.Lstat(target); err == nil && about.Mode() == 0o111 {
		now := time.Now()
		return target, os.Chtimes(target, now, now)
	}
	forgetOld(base)
	if _, err := source.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	part, err := os.CreateTemp(base, name+".*")
	if err != nil {
		return "", err
	}
	_, err = io.Copy(part, source)
	err = errors.Join(err, part.Chmod(0o111), part.Close())
	// A process of ours that has just been started has a copy of the descriptor until it
	// becomes its program, and what is open for writing can't be executed. Nobody is
	// in between while this is held.
	syscall.ForkLock.Lock()
	syscall.ForkLock.Unlock() //nolint:staticcheck // to have had it is all
	if err == nil {
		err = os.Rename(part.Name(), target)
	}
	if err != nil {
		return "", errors.Join(err, os.Remove(part.Name()))
	}
	return target, nil
}

// unused is after how long the copy of another version is removed. Those that are in
// use are touched at each start of their program.
const unused = 30 * 24 * time.Hour

func forgetOld(base string) {
	entries, _ := os.ReadDir(base) // what can't be removed only takes room
	for _, entry := range entries {
		if about, err := entry.Info(); err == nil && time.Since(about.ModTime()) > unused {
			_ = os.Remove(filepath.Join(base, entry.Name()))
		}
	}
}

// suits refuses a folder that somebody else may have made, that the sandboxes' user
// can't reach, or from which nothing may be executed.
func suits(base string) error {
	var stat unix.Stat_t
	if err := unix.Lstat(base, &stat); err != nil {
		return err
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFDIR || int(stat.Uid) != os.Geteuid() || stat.Mode&0o022 != 0 {
		return errors.New("it belongs to somebody else")
	}
	var system unix.Statfs_t
	if err := unix.Statfs(base, &system); err != nil {
		return err
	}
	if system.Flags&unix.ST_NOEXEC != 0 {
		return errors.New("nothing there may be executed")
	}
	if os.Geteuid() != 0 {
		return nil
	}
	for at := base; ; at = filepath.Dir(at) {
		if err := unix.Stat(at, &stat); err != nil {
			return err
		}
		if stat.Mode&0o001 == 0 {
			return fmt.Errorf("other users can't enter %s", at)
		}
		if at == filepath.Dir(at) {
			return nil
		}
	}
}
