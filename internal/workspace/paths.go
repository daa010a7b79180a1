package workspace

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/zeblit/zeblit/internal/problem"
)

// The limits of a path, in bytes: what common file systems hold.
const (
	maxPath    = 512
	maxSegment = 255
)

// CheckPath says what is wrong with a file's path, as a BAD_USER_INPUT with the
// field "path", or nil. A good path stays inside whatever folder it is joined to
// and can be checked out on every common system by git.
func CheckPath(path string) error {
	switch {
	case path == "":
		return problem.BadField("path", "a path can't be empty")
	case len(path) > maxPath:
		return problem.BadField("path", "a path can have %d bytes at most", maxPath)
	case !utf8.ValidString(path):
		return problem.BadField("path", "a path must be valid UTF-8")
	case hasControl(path):
		return problem.BadField("path", "a path can't have control characters")
	case strings.Contains(path, `\`):
		return problem.BadField("path", `a path has "/" between its segments and no "\"`)
	case path[0] == '/' || path[len(path)-1] == '/':
		return problem.BadField("path", `a path is relative to the project and names a file: no "/" at its start or end`)
	}
	for segment := range strings.SplitSeq(path, "/") {
		switch {
		case segment == "":
			return problem.BadField("path", "a path can't have empty segments")
		case segment == "." || segment == "..":
			return problem.BadField("path", `a path can't have the segments "." and ".."`)
		case len(segment) > maxSegment:
			return problem.BadField("path", "a segment of a path can have %d bytes at most", maxSegment)
		case isDotGit(segment):
			return problem.BadField("path", `a path can't have a segment ".git"`)
		}
	}
	return nil
}

// Normal is a path in Unicode's normal form C, in which new paths are written: the same
// name typed on different systems is one file. Paths that differ only in upper and lower
// case are different files, as they are for git.
func Normal(path string) string { return norm.NFC.String(path) }

// isDotGit reports whether a common file system would take segment for ".git",
// which holds a checkout's hooks and settings: HFS+ ignores some invisible
// characters, NTFS ignores dots and spaces at the end and what follows a ":",
// and knows the folder as "git~1" too. git refuses the same names.
func isDotGit(segment string) bool {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 0x200c && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x206a && r <= 0x206f, r == 0xfeff:
			return -1
		case r >= 'A' && r <= 'Z':
			return r + ('a' - 'A')
		}
		return r
	}, segment)
	name, _, _ = strings.Cut(name, ":")
	name = strings.TrimRight(name, " .")
	return name == ".git" || name == "git~1"
}

func hasControl(s string) bool { return strings.ContainsFunc(s, unicode.IsControl) }
