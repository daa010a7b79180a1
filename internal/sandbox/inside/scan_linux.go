//go:build linux && (amd64 || arm64)

package inside

import (
	"bufio"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/zeblit/zeblit/internal/sandbox"
)

// settle is how long a file must have been left alone before its hash is remembered:
// the clock of files ticks every few milliseconds, and what changes twice within a tick
// has the same times.
const settle = 100 * time.Millisecond

const mostEntries = 200_000

// identity is by which a file that has changed is told from one that hasn't.
type identity struct {
	inode, device uint64
	size          int64
	modified      unix.Timespec
	changed       unix.Timespec
}

// scanCache has what was hashed, by root and path.
type scanCache struct {
	mu    sync.Mutex
	roots map[string]map[string]hashed
}

type hashed struct {
	is   identity
	hash [sha1.Size]byte
}

func (c *scanCache) take(root string) map[string]hashed {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.roots[root]
}

func (c *scanCache) keep(root string, known map[string]hashed) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.roots == nil {
		c.roots = map[string]map[string]hashed{}
	}
	c.roots[root] = known
}

// scan writes the entries of a root as lines of JSON, sorted by path.
type scan struct {
	options  sandbox.ScanOptions
	known    map[string]hashed // of the last scan; only read
	now      map[string]hashed // of this one
	entries  []sandbox.Entry
	hash     hash.Hash
	buffer   []byte
	skipName map[string]bool
	skipPath map[string]bool
}

func (a *agent) scan(root string, options sandbox.ScanOptions, to io.Writer) error {
	at, err := a.files.root(root, false)
	if err != nil {
		return err
	}
	defer at.close()
	if options.MaxEntries <= 0 {
		options.MaxEntries = mostEntries
	}
	s := &scan{
		options: options, now: map[string]hashed{}, hash: sha1.New(), buffer: make([]byte, 64<<10),
		skipName: map[string]bool{}, skipPath: map[string]bool{},
	}
	if !options.Full {
		s.known = a.scans.take(root)
	}
	for _, skip := range options.Skip {
		if strings.ContainsRune(skip, '/') {
			s.skipPath[strings.Trim(strings.TrimPrefix(skip, "./"), "/")] = true
		} else {
			s.skipName[skip] = true
		}
	}
	if err := s.folder(at, "", 1); err != nil {
		return err
	}
	a.scans.keep(root, s.now)
	slices.SortFunc(s.entries, func(x, y sandbox.Entry) int { return strings.Compare(x.Path, y.Path) })
	lines := bufio.NewWriterSize(to, 32<<10)
	encoder := json.NewEncoder(lines)
	encoder.SetEscapeHTML(false)
	for _, entry := range s.entries {
		if err := encoder.Encode(entry); err != nil {
			return err
		}
	}
	return lines.Flush()
}

func (s *scan) folder(at folder, prefix string, depth int) error {
	if depth > deepest {
		return fmt.Errorf("%w: folders lie too deep", sandbox.ErrTooMany)
	}
	return at.names(func(batch []string) error {
		for _, name := range batch {
			if s.skipName[name] || s.skipPath[prefix+name] || !utf8.ValidString(name) {
				continue // git on other systems couldn't have the last kind
			}
			err := s.one(at, name, prefix+name, depth)
			if err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ELOOP) && !errors.Is(err, unix.ENOTDIR) {
				return err // else it is gone, or another thing, while we look
			}
		}
		return nil
	})
}

func (s *scan) one(at folder, name, path string, depth int) error {
	stat, err := at.stat(name)
	if err != nil {
		return err
	}
	switch stat.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		fd, err := openat(at, name, unix.O_PATH|unix.O_DIRECTORY)
		if err != nil {
			return err
		}
		inner := folder{fd}
		defer inner.close()
		return s.folder(inner, path+"/", depth+1)
	case unix.S_IFLNK:
		target, err := at.readlink(name)
		if err != nil {
			return err
		}
		s.begin(int64(len(target)))
		_, _ = io.WriteString(s.hash, target)
		return s.add(sandbox.Entry{Path: path, Mode: sandbox.Symlink, Size: int64(len(target)), Hash: hex.EncodeToString(s.hash.Sum(nil))})
	case unix.S_IFREG:
		return s.file(at, name, path, stat)
	}
	return nil // git knows no others
}

func (s *scan) add(entry sandbox.Entry) error {
	if len(s.entries) >= s.options.MaxEntries {
		return fmt.Errorf("%w: more than %d", sandbox.ErrTooMany, s.options.MaxEntries)
	}
	s.entries = append(s.entries, entry)
	return nil
}

func (s *scan) file(at folder, name, path string, stat unix.Stat_t) error {
	entry := sandbox.Entry{Path: path, Mode: modeOf(stat), Size: stat.Size}
	if s.options.MaxFileSize > 0 && stat.Size > s.options.MaxFileSize {
		return s.add(entry)
	}
	if known, ok := s.known[path]; ok && known.is == identityOf(stat) {
		s.now[path] = known
		entry.Hash = hex.EncodeToString(known.hash[:])
		return s.add(entry)
	}
	began := time.Now()
	fd, err := openat(at, name, unix.O_RDONLY)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	if err := unix.Fstat(fd, &stat); err != nil {
		return err
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFREG {
		return unix.ENOENT // it was swapped; the next scan sees it
	}
	entry.Mode, entry.Size = modeOf(stat), stat.Size
	s.begin(stat.Size)
	n, err := io.CopyBuffer(s.hash, io.LimitReader(descriptor(fd), stat.Size), s.buffer)
	if err != nil {
		return err
	}
	if n != stat.Size {
		return fmt.Errorf("%w: %s became shorter", sandbox.ErrChanged, quoted(path))
	}
	sum := [sha1.Size]byte(s.hash.Sum(nil))
	entry.Hash = hex.EncodeToString(sum[:])
	if began.Sub(time.Unix(stat.Ctim.Unix())) > settle {
		s.now[path] = hashed{identityOf(stat), sum}
	}
	return s.add(entry)
}

func (s *scan) begin(size int64) {
	s.hash.Reset()
	_, _ = fmt.Fprintf(s.hash, "blob %d\x00", size)
}

func modeOf(stat unix.Stat_t) sandbox.Mode {
	if stat.Mode&0o100 != 0 {
		return sandbox.Executable
	}
	return sandbox.Regular
}

func identityOf(stat unix.Stat_t) identity {
	return identity{inode: stat.Ino, device: uint64(stat.Dev), size: stat.Size, modified: stat.Mtim, changed: stat.Ctim}
}
