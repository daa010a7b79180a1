//go:build linux && (amd64 || arm64)

package inside

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/zeblit/zeblit/internal/sandbox"
)

// What an archive says of a file besides tar's own: its real size, and where in it the
// content belongs that follows.
const (
	sizeRecord     = "ZEBLIT.size"
	segmentsRecord = "ZEBLIT.segments"
)

// mostSegments fit into the record; the holes between later ones are kept as zeros.
const mostSegments = 10_000

type segment struct{ at, size int64 }

// segments are the parts of a file that have content.
func segments(fd int, size int64) ([]segment, error) {
	var parts []segment
	for at := int64(0); at < size; {
		from, err := unix.Seek(fd, at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			return parts, nil // only a hole is left
		}
		if err != nil {
			return nil, err
		}
		to, err := unix.Seek(fd, from, unix.SEEK_HOLE)
		if err != nil {
			return nil, err
		}
		if len(parts) == mostSegments-1 {
			to = size
		}
		to = min(to, size)
		parts = append(parts, segment{from, to - from})
		at = to
	}
	return parts, nil
}

func formatSegments(parts []segment) string {
	var b strings.Builder
	for _, part := range parts {
		fmt.Fprintf(&b, "%d+%d,", part.at, part.size)
	}
	return b.String()
}

func parseSegments(records map[string]string) (size int64, parts []segment, err error) {
	bad := fmt.Errorf("%w: it doesn't say where its content belongs", sandbox.ErrBadEntry)
	if size, err = strconv.ParseInt(records[sizeRecord], 10, 64); err != nil {
		return 0, nil, bad
	}
	for pair := range strings.SplitSeq(strings.TrimSuffix(records[segmentsRecord], ","), ",") {
		if pair == "" {
			continue
		}
		at, length, found := strings.Cut(pair, "+")
		from, err1 := strconv.ParseInt(at, 10, 64)
		n, err2 := strconv.ParseInt(length, 10, 64)
		if !found || err1 != nil || err2 != nil || from < 0 || n < 0 {
			return 0, nil, bad
		}
		parts = append(parts, segment{from, n})
	}
	return size, parts, nil
}

// deepParent opens the folder of a path of an archive, which may lie deeper than what
// clients may name.
func (f folder) deepParent(name string) (folder, string, error) {
	clean := path.Clean(name)
	if path.IsAbs(clean) || clean == "." || clean == ".." || strings.HasPrefix(clean, "../") {
		return folder{}, "", fmt.Errorf("%w: %s", sandbox.ErrBadPath, quoted(name))
	}
	parts := strings.Split(clean, "/")
	at, err := f.walk(parts[:len(parts)-1], false)
	return at, parts[len(parts)-1], err
}
