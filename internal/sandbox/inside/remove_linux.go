//go:build linux && (amd64 || arm64)

package inside

import (
	"crypto/rand"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/zeblit/zeblit/internal/sandbox"
)

// remove removes paths below a root, and the root itself for ".".
func (t tree) remove(root string, paths []string) error {
	parts, err := split(root)
	if err != nil {
		return err
	}
	for _, name := range paths {
		below, err := split(name)
		if err != nil {
			return err
		}
		if len(below) == 0 && len(parts) == 0 {
			return fmt.Errorf("%w: all there is", sandbox.ErrBadPath)
		}
		if err := t.removeOne(root, parts, name, below); err != nil {
			return err
		}
	}
	return nil
}

func (t tree) removeOne(root string, parts []string, name string, below []string) error {
	if len(below) == 0 {
		root, name = "", root
	}
	at, err := t.root(root, false)
	if errors.Is(err, sandbox.ErrNoFolder) {
		return nil
	}
	if err != nil {
		return err
	}
	defer at.close()
	parent, base, err := at.parent(name, false)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return nil // nothing can be there
	}
	if err != nil {
		return err
	}
	defer parent.close()
	return (&removal{top: at}).run(parent, base)
}

// removal removes a tree with few descriptors: what lies too deep is moved to the top,
// and removed from there when the rest is.
type removal struct {
	top   folder
	moved []string
}

func (r *removal) run(parent folder, name string) error {
	if err := r.all(parent, name, 0); err != nil {
		return err
	}
	for len(r.moved) > 0 {
		name := r.moved[0]
		r.moved = r.moved[1:]
		if err := r.all(r.top, name, 0); err != nil {
			return err
		}
	}
	return nil
}

func (r *removal) all(parent folder, name string, depth int) error {
	for range tries {
		err := unix.Unlinkat(parent.fd, name, 0)
		if err == nil || errors.Is(err, unix.ENOENT) {
			return nil
		}
		if errors.Is(err, unix.EACCES) {
			if err := unix.Chmod(self(parent.fd), 0o700); err != nil {
				return err
			}
			continue
		}
		if !errors.Is(err, unix.EISDIR) && !errors.Is(err, unix.EPERM) {
			return err
		}
		err = unix.Unlinkat(parent.fd, name, unix.AT_REMOVEDIR)
		if err == nil || errors.Is(err, unix.ENOENT) {
			return nil
		}
		if errors.Is(err, unix.ENOTEMPTY) {
			if err := r.empty(parent, name, depth); err != nil {
				return err
			}
		}
	}
	return fmt.Errorf("%w: %s doesn't stay removed", sandbox.ErrChanged, quoted(name))
}

func (r *removal) empty(parent folder, name string, depth int) error {
	if depth >= deepest {
		shallow := ".zeblit-removed-" + rand.Text()
		err := unix.Renameat(parent.fd, name, r.top.fd, shallow)
		if err == nil {
			r.moved = append(r.moved, shallow)
		}
		if errors.Is(err, unix.ENOENT) {
			return nil
		}
		return err
	}
	fd, err := openat(parent, name, unix.O_PATH|unix.O_DIRECTORY)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return nil // it is another thing by now, and removed as such
	}
	if err != nil {
		return err
	}
	at := folder{fd}
	defer at.close()
	return at.names(func(batch []string) error {
		for _, inner := range batch {
			if err := r.all(at, inner, depth+1); err != nil {
				return err
			}
		}
		return nil
	})
}
