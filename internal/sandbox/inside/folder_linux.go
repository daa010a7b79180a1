//go:build linux && (amd64 || arm64)

package inside

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/zeblit/zeblit/internal/sandbox"
)

// tries is how often something is done again that others undo meanwhile.
const tries = 32

// deepest is how many folders may lie in one another.
const deepest = 200

// folder is an open folder. Everything is done by a name in it, which has no slash.
type folder struct{ fd int }

func (f folder) close() { _ = unix.Close(f.fd) }

// tree is where files are kept.
type tree struct{ base string }

// root opens a root, or makes it.
func (t tree) root(name string, make bool) (folder, error) {
	fd, err := unix.Open(t.base, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return folder{}, err
	}
	base := folder{fd}
	defer base.close()
	parts, err := split(name)
	if err != nil {
		return folder{}, err
	}
	f, err := base.walk(parts, make)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return folder{}, fmt.Errorf("%w: %s", sandbox.ErrNoFolder, quoted(name))
	}
	return f, err
}

// split takes a path apart. "." and nothing are the folder itself.
func split(name string) ([]string, error) {
	if name == "" || name == "." {
		return nil, nil
	}
	clean := strings.TrimSuffix(strings.TrimPrefix(name, "./"), "/")
	if !fs.ValidPath(clean) || strings.ContainsRune(clean, 0) || clean == "." {
		return nil, fmt.Errorf("%w: %s", sandbox.ErrBadPath, quoted(name))
	}
	parts := strings.Split(clean, "/")
	if len(parts) > deepest {
		return nil, fmt.Errorf("%w: %s is %d folders deep", sandbox.ErrTooMany, quoted(name), len(parts))
	}
	return parts, nil
}

func quoted(name string) string {
	if len(name) > 200 {
		name = name[:200] + "…"
	}
	return strconv.Quote(name)
}

// walk opens a folder below, step by step, none of them a link. With make, what isn't
// there is made, and what stands in the way is removed.
func (f folder) walk(parts []string, make bool) (folder, error) {
	at, err := f.again()
	for _, part := range parts {
		if err != nil {
			return folder{}, err
		}
		var next folder
		next, err = at.enter(part, make)
		at.close()
		at = next
	}
	return at, err
}

// again opens the same folder once more.
func (f folder) again() (folder, error) {
	fd, err := unix.FcntlInt(uintptr(f.fd), unix.F_DUPFD_CLOEXEC, 0)
	return folder{fd}, err
}

func (f folder) enter(name string, make bool) (folder, error) {
	var err error
	for range tries {
		var fd int
		fd, err = openat(f, name, unix.O_PATH|unix.O_DIRECTORY)
		if err == nil {
			return folder{fd}, nil
		}
		if !make {
			return folder{}, err
		}
		if !errors.Is(err, unix.ENOENT) {
			if !errors.Is(err, unix.ENOTDIR) && !errors.Is(err, unix.ELOOP) {
				return folder{}, lacking(err)
			}
			if err = unix.Unlinkat(f.fd, name, 0); err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EISDIR) {
				return folder{}, err
			}
		}
		if err = unix.Mkdirat(f.fd, name, 0o755); err != nil && !errors.Is(err, unix.EEXIST) {
			if errors.Is(err, unix.ENOENT) {
				return folder{}, fmt.Errorf("%w: a folder was removed", sandbox.ErrChanged)
			}
			return folder{}, lacking(err)
		}
	}
	return folder{}, fmt.Errorf("%w: %s: %w", sandbox.ErrChanged, quoted(name), err)
}

// openat opens without following a link. What its owner made unreadable is made
// readable, for there is no other way to see it.
func openat(f folder, name string, flags int) (int, error) {
	fd, err := open(f, name, flags)
	if errors.Is(err, unix.EACCES) && flags&unix.O_PATH == 0 {
		if allow(f, name) == nil {
			fd, err = open(f, name, flags)
		}
	} else if errors.Is(err, unix.EACCES) {
		// The folder itself can't be searched.
		if unix.Chmod(self(f.fd), 0o700) == nil {
			fd, err = open(f, name, flags)
		}
	}
	return fd, err
}

func open(f folder, name string, flags int) (int, error) {
	for {
		fd, err := unix.Openat(f.fd, name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
		if !errors.Is(err, unix.EINTR) {
			return fd, err
		}
	}
}

// allow gives the owner all rights on a file or folder, which can't be swapped for
// another meanwhile as it is held.
func allow(f folder, name string) error {
	fd, err := open(f, name, unix.O_PATH)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return err
	}
	switch stat.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return unix.Chmod(self(fd), stat.Mode&0o777|0o700)
	case unix.S_IFREG:
		return unix.Chmod(self(fd), stat.Mode&0o777|0o600)
	}
	return unix.EACCES
}

// self is the name by which what is open can be changed, whatever it is called now.
func self(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// names reads a folder's names in steps, so that many of them don't fill the memory.
func (f folder) names(each func(batch []string) error) error {
	fd, err := unix.Openat(f.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.EACCES) {
		if err := unix.Chmod(self(f.fd), 0o700); err != nil {
			return err
		}
		fd, err = unix.Openat(f.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		return err
	}
	open := os.NewFile(uintptr(fd), "folder")
	defer func() { _ = open.Close() }()
	for {
		batch, err := open.Readdirnames(1024)
		if len(batch) > 0 {
			if err := each(batch); err != nil {
				return err
			}
		}
		if err != nil || len(batch) == 0 {
			return nil // the end, or the folder was removed meanwhile
		}
	}
}

func (f folder) stat(name string) (unix.Stat_t, error) {
	var stat unix.Stat_t
	err := unix.Fstatat(f.fd, name, &stat, unix.AT_SYMLINK_NOFOLLOW)
	if errors.Is(err, unix.EACCES) && unix.Chmod(self(f.fd), 0o700) == nil {
		err = unix.Fstatat(f.fd, name, &stat, unix.AT_SYMLINK_NOFOLLOW)
	}
	return stat, err
}

func (f folder) readlink(name string) (string, error) {
	buffer := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(f.fd, name, buffer)
	if errors.Is(err, unix.EINVAL) {
		return "", fmt.Errorf("it is no link any more: %w", unix.ENOENT)
	}
	if err != nil {
		return "", err
	}
	return string(buffer[:n]), nil
}

// parent opens the folder of a path, and says the path's last name.
func (f folder) parent(name string, make bool) (folder, string, error) {
	parts, err := split(name)
	if err != nil {
		return folder{}, "", err
	}
	if len(parts) == 0 {
		return folder{}, "", fmt.Errorf("%w: %s is the root", sandbox.ErrBadPath, quoted(name))
	}
	at, err := f.walk(parts[:len(parts)-1], make)
	return at, path.Base(parts[len(parts)-1]), err
}
