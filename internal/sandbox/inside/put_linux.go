//go:build linux && (amd64 || arm64)

package inside

import (
	"archive/tar"
	"crypto/rand"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"github.com/zeblit/zeblit/internal/sandbox"
)

// put unpacks an archive below a root. Files and links are made under another name and
// then take their place at once, so that nothing is written through a link, soft or hard.
func (t tree) put(root string, archive io.Reader) error {
	at, err := t.root(root, true)
	if err != nil {
		return err
	}
	defer at.close()
	for entries := tar.NewReader(archive); ; {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			_, err := io.Copy(io.Discard, archive) // the padding after the end
			return err
		}
		if err != nil {
			return fmt.Errorf("%w: %w", sandbox.ErrBadEntry, err)
		}
		if err := at.unpack(header, entries); err != nil {
			return fmt.Errorf("put %s: %w", quoted(header.Name), err)
		}
	}
}

func (f folder) unpack(header *tar.Header, content io.Reader) error {
	switch header.Typeflag {
	case tar.TypeDir:
		parts, err := split(header.Name)
		if err != nil {
			return err
		}
		made, err := f.walk(parts, true)
		if err == nil {
			made.close()
		}
		return err
	case tar.TypeReg, tar.TypeSymlink:
	default:
		return fmt.Errorf("%w: its type is %q", sandbox.ErrBadEntry, header.Typeflag)
	}
	parent, name, err := f.parent(header.Name, true)
	if err != nil {
		return err
	}
	defer parent.close()
	fresh := ".zeblit-" + rand.Text()
	if header.Typeflag == tar.TypeSymlink {
		err = unix.Symlinkat(header.Linkname, parent.fd, fresh)
	} else {
		err = parent.write(fresh, header.FileInfo().Mode().Perm()&0o100 != 0, content)
	}
	if err == nil {
		err = parent.replace(fresh, name)
	}
	if err != nil {
		_ = unix.Unlinkat(parent.fd, fresh, 0)
		return vanished(lacking(err))
	}
	return nil
}

// write makes a file that nobody had before.
func (f folder) write(name string, executable bool, content io.Reader) error {
	fd, err := unix.Openat(f.fd, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	if _, err := io.CopyBuffer(descriptor(fd), content, make([]byte, 64<<10)); err != nil {
		return err
	}
	mode := uint32(0o644)
	if executable {
		mode = 0o755
	}
	return unix.Fchmod(fd, mode)
}

// replace moves a file to where another, a link or a folder may be.
func (f folder) replace(fresh, name string) error {
	var err error
	for range tries {
		err = unix.Renameat(f.fd, fresh, f.fd, name)
		if !errors.Is(err, unix.EISDIR) && !errors.Is(err, unix.ENOTEMPTY) && !errors.Is(err, unix.EEXIST) {
			return err
		}
		if err := (&removal{top: f}).run(f, name); err != nil {
			return err
		}
	}
	return fmt.Errorf("%w: %w", sandbox.ErrChanged, err)
}

// vanished says of what isn't there any more that others took it away.
func vanished(err error) error {
	if errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("%w: %w", sandbox.ErrChanged, err)
	}
	return err
}

// descriptor reads and writes without the poller, for plain files.
type descriptor int

func (d descriptor) Write(p []byte) (int, error) {
	written := 0
	for written < len(p) {
		n, err := unix.Write(int(d), p[written:])
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return written, err
		}
		written += n
	}
	return written, nil
}

func (d descriptor) Read(p []byte) (int, error) {
	for {
		n, err := unix.Read(int(d), p)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return 0, err
		case n == 0 && len(p) > 0:
			return 0, io.EOF
		}
		return n, nil
	}
}
