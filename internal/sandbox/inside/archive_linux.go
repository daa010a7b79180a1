//go:build linux && (amd64 || arm64)

package inside

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/zeblit/zeblit/internal/sandbox"
)

// deepestKept is how deep folders may lie that Stop keeps: one descriptor each, and a path
// that grows with every one. What lies deeper is left out, or it would keep the sandbox from
// being stopped for ever.
const deepestKept = 800

// archive writes everything below Work, for restore: modes, times, links of both kinds,
// and of files with holes only what is in them, so that it is no larger than the disk.
// Nothing else may run. left says what it has left out, in a sentence; empty: nothing.
func archive(to io.Writer) (left string, err error) {
	base, err := tree{base: sandbox.Work}.root("", false)
	if err != nil {
		return "", err
	}
	defer base.close()
	p := &packer{out: tar.NewWriter(to), seen: map[[2]uint64]string{}}
	if err := p.all(base, "", 0); err != nil {
		return "", err
	}
	if p.emptied > 0 {
		left = fmt.Sprintf("What lies more than %d folders deep is not kept: of %d folders, the first of them %s.", deepestKept, p.emptied, quoted(p.first))
	}
	return left, p.out.Close()
}

type packer struct {
	out  *tar.Writer
	seen map[[2]uint64]string // files with several names, by device and inode
	// emptied counts the folders that lie so deep that they are kept without what they have.
	emptied int
	first   string
}

func (p *packer) all(at folder, prefix string, depth int) error {
	var all []string
	err := at.names(func(batch []string) error {
		all = append(all, batch...)
		return nil
	})
	if err != nil {
		return err
	}
	if depth > deepestKept && len(all) > 0 {
		if p.emptied++; p.emptied == 1 {
			p.first = prefix
		}
		return nil
	}
	slices.Sort(all)
	for _, name := range all {
		if err := p.one(at, name, prefix+name, depth); err != nil {
			return fmt.Errorf("keep %s: %w", quoted(prefix+name), err)
		}
	}
	return nil
}

func (p *packer) one(at folder, name, path string, depth int) error {
	stat, err := at.stat(name)
	if err != nil {
		return err
	}
	header := &tar.Header{
		Name: path, Mode: int64(stat.Mode & 0o777), Format: tar.FormatPAX,
		ModTime: time.Unix(stat.Mtim.Unix()),
	}
	switch stat.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		header.Typeflag, header.Name = tar.TypeDir, path+"/"
		if err := p.out.WriteHeader(header); err != nil {
			return err
		}
		fd, err := openat(at, name, unix.O_PATH|unix.O_DIRECTORY)
		if err != nil {
			return err
		}
		inner := folder{fd}
		defer inner.close()
		return p.all(inner, path+"/", depth+1)
	case unix.S_IFLNK:
		header.Typeflag = tar.TypeSymlink
		if header.Linkname, err = at.readlink(name); err != nil {
			return err
		}
		return p.out.WriteHeader(header)
	case unix.S_IFREG:
		if stat.Nlink > 1 {
			id := [2]uint64{uint64(stat.Dev), stat.Ino}
			if first, ok := p.seen[id]; ok {
				header.Typeflag, header.Linkname = tar.TypeLink, first
				return p.out.WriteHeader(header)
			}
			p.seen[id] = path
		}
		return p.file(at, name, header)
	}
	return nil // sockets and pipes are nothing without their processes
}

func (p *packer) file(at folder, name string, header *tar.Header) error {
	fd, err := openat(at, name, unix.O_RDONLY)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return err
	}
	parts, err := segments(fd, stat.Size)
	if err != nil {
		return err
	}
	header.Typeflag = tar.TypeReg
	header.PAXRecords = map[string]string{sizeRecord: fmt.Sprint(stat.Size), segmentsRecord: formatSegments(parts)}
	for _, part := range parts {
		header.Size += part.size
	}
	if err := p.out.WriteHeader(header); err != nil {
		return err
	}
	buffer := make([]byte, 64<<10)
	for _, part := range parts {
		if _, err := unix.Seek(fd, part.at, io.SeekStart); err != nil {
			return err
		}
		if _, err := io.CopyBuffer(p.out, io.LimitReader(descriptor(fd), part.size), buffer); err != nil {
			return err
		}
	}
	return nil
}

// restore unpacks what archive wrote, into a sandbox that has nothing yet.
func restore(from io.Reader) error {
	base, err := tree{base: sandbox.Work}.root("", false)
	if err != nil {
		return err
	}
	defer base.close()
	var folders []*tar.Header // their modes and times come last, when they are full
	for entries := tar.NewReader(from); ; {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if header.Typeflag == tar.TypeDir {
			folders = append(folders, header)
		}
		if err := base.restoreOne(header, entries); err != nil {
			return fmt.Errorf("bring back %s: %w", quoted(header.Name), lacking(err))
		}
	}
	for _, header := range slices.Backward(folders) {
		if err := base.settle(header); err != nil {
			return err
		}
	}
	_, err = io.Copy(io.Discard, from)
	return err
}

func (f folder) restoreOne(header *tar.Header, content io.Reader) error {
	parent, name, err := f.deepParent(header.Name)
	if err != nil {
		return err
	}
	defer parent.close()
	switch header.Typeflag {
	case tar.TypeDir:
		if err := unix.Mkdirat(parent.fd, name, 0o755); err != nil && !errors.Is(err, unix.EEXIST) {
			return err
		}
		return nil
	case tar.TypeSymlink:
		if err := unix.Symlinkat(header.Linkname, parent.fd, name); err != nil {
			return err
		}
		return parent.setTime(name, header.ModTime)
	case tar.TypeLink:
		from, first, err := f.deepParent(header.Linkname)
		if err != nil {
			return err
		}
		defer from.close()
		return unix.Linkat(from.fd, first, parent.fd, name, 0)
	case tar.TypeReg:
		return parent.restoreFile(name, header, content)
	}
	return fmt.Errorf("%w: its type is %q", sandbox.ErrBadEntry, header.Typeflag)
}

func (f folder) restoreFile(name string, header *tar.Header, content io.Reader) error {
	size, parts, err := parseSegments(header.PAXRecords)
	if err != nil {
		return err
	}
	fd, err := unix.Openat(f.fd, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	buffer := make([]byte, 64<<10)
	for _, part := range parts {
		if _, err := unix.Seek(fd, part.at, io.SeekStart); err != nil {
			return err
		}
		if _, err := io.CopyBuffer(descriptor(fd), io.LimitReader(content, part.size), buffer); err != nil {
			return err
		}
	}
	if err := unix.Ftruncate(fd, size); err != nil {
		return err
	}
	if err := unix.Fchmod(fd, uint32(header.Mode)&0o777); err != nil {
		return err
	}
	return f.setTime(name, header.ModTime)
}

func (f folder) settle(header *tar.Header) error {
	parent, name, err := f.deepParent(header.Name)
	if err != nil {
		return err
	}
	defer parent.close()
	fd, err := openat(parent, name, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	if err := unix.Chmod(self(fd), uint32(header.Mode)&0o777); err != nil {
		return err
	}
	return parent.setTime(name, header.ModTime)
}

func (f folder) setTime(name string, to time.Time) error {
	stamp := unix.NsecToTimespec(to.UnixNano())
	return unix.UtimesNanoAt(f.fd, name, []unix.Timespec{stamp, stamp}, unix.AT_SYMLINK_NOFOLLOW)
}
