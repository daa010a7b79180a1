//go:build linux && (amd64 || arm64)

package inside

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/zeblit/zeblit/internal/sandbox"
)

// get writes an archive of paths below a root.
func (t tree) get(root string, paths []string, to io.Writer) error {
	at, err := t.root(root, false)
	if err != nil {
		return err
	}
	defer at.close()
	out := tar.NewWriter(to)
	for _, name := range paths {
		if err := at.pack(name, out); err != nil {
			return fmt.Errorf("get %s: %w", quoted(name), err)
		}
	}
	return out.Close()
}

func (f folder) pack(name string, out *tar.Writer) error {
	parts, err := split(name)
	if err != nil {
		return err
	}
	if len(parts) == 0 {
		return f.packAll("", out, 0)
	}
	parent, base, err := f.parent(name, false)
	if err != nil {
		return missing(err)
	}
	defer parent.close()
	return missing(parent.packOne(base, name, out, len(parts)))
}

func missing(err error) error {
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return fmt.Errorf("%w: %w", sandbox.ErrNoFile, err)
	}
	return err
}

func (f folder) packOne(base, name string, out *tar.Writer, depth int) error {
	stat, err := f.stat(base)
	if err != nil {
		return err
	}
	switch stat.Mode & unix.S_IFMT {
	case unix.S_IFLNK:
		target, err := f.readlink(base)
		if err != nil {
			return err
		}
		return out.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777, Format: tar.FormatPAX})
	case unix.S_IFREG:
		return f.packFile(base, name, out)
	case unix.S_IFDIR:
		if depth > deepest {
			return fmt.Errorf("%w: folders lie too deep", sandbox.ErrTooMany)
		}
		fd, err := openat(f, base, unix.O_PATH|unix.O_DIRECTORY)
		if err != nil {
			return err
		}
		at := folder{fd}
		defer at.close()
		if err := out.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755, Format: tar.FormatPAX}); err != nil {
			return err
		}
		return at.packAll(name+"/", out, depth)
	}
	return nil // sockets and the like have no content
}

func (f folder) packAll(prefix string, out *tar.Writer, depth int) error {
	return f.names(func(batch []string) error {
		slices.Sort(batch)
		for _, base := range batch {
			err := f.packOne(base, prefix+base, out, depth+1)
			if err != nil && !errors.Is(err, unix.ENOENT) {
				return err
			}
		}
		return nil
	})
}

// packFile reads what it has opened, of the size that it had then.
func (f folder) packFile(base, name string, out *tar.Writer) error {
	fd, err := openat(f, base, unix.O_RDONLY)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return err
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFREG {
		return fmt.Errorf("%w: %s was swapped", sandbox.ErrChanged, quoted(name))
	}
	mode := int64(0o644)
	if stat.Mode&0o100 != 0 {
		mode = 0o755
	}
	if err := out.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: stat.Size, Mode: mode, Format: tar.FormatPAX}); err != nil {
		return err
	}
	n, err := io.CopyBuffer(out, io.LimitReader(descriptor(fd), stat.Size), make([]byte, 64<<10))
	if err == nil && n < stat.Size {
		err = fmt.Errorf("%w: %s became shorter", sandbox.ErrChanged, quoted(name))
	}
	return err
}
