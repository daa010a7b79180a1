package workspace

import (
	"path"
	"strings"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing/filemode"

	"github.com/zeblit/zeblit/internal/problem"
)

// Mode is what kind of file a path names: the three that git knows.
type Mode int

const (
	// Keep leaves a file as it is, and makes a new one Regular.
	Keep Mode = iota
	Regular
	Executable
	// Symlink is a link whose content is its target, relative to its own folder.
	Symlink
)

func (m Mode) git() filemode.FileMode {
	switch m {
	case Executable:
		return filemode.Executable
	case Symlink:
		return filemode.Symlink
	}
	return filemode.Regular
}

func modeOf(mode filemode.FileMode) Mode {
	switch mode {
	case filemode.Executable:
		return Executable
	case filemode.Symlink:
		return Symlink
	}
	return Regular
}

// checkTarget refuses links that can't be checked out. Where a link leads is not decided
// here: whoever follows links decides how far, and reading a file follows none.
func checkTarget(target string) error {
	switch {
	case target == "" || len(target) > maxPath:
		return problem.BadField("text", "a link's target has 1 to %d bytes", maxPath)
	case !utf8.ValidString(target) || hasControl(target):
		return problem.BadField("text", "a link's target must be valid UTF-8 without control characters")
	}
	return nil
}

// LeadsOut reports whether a link at that path, with that target, leads out of the
// project when each of its segments is a plain folder.
func LeadsOut(link, target string) bool {
	if path.IsAbs(target) {
		return true
	}
	at := path.Join(path.Dir(link), target)
	return at == ".." || strings.HasPrefix(at, "../")
}
