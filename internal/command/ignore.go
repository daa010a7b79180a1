package command

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/gitignore"

	"github.com/zeblit/zeblit/internal/sandbox"
	"github.com/zeblit/zeblit/internal/workspace"
)

// skipped are folders that commands make anew: they stay in the sandbox as long as it
// does, and are neither committed nor kept by checkpoints. A file that somebody committed
// below one is put there once.
var skipped = []string{
	".git", "node_modules", "__pycache__", ".venv", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".cache", ".npm", ".gocache",
}

func isSkipped(file string) bool {
	for segment := range strings.SplitSeq(file, "/") {
		for _, name := range skipped {
			if segment == name {
				return true
			}
		}
	}
	return false
}

const (
	// maxIgnore is how large a .gitignore file can be that is heeded.
	maxIgnore = 64 << 10
	// maxPatterns is how many lines of all .gitignore files are heeded: each is held against
	// every file and folder.
	maxPatterns = 2000
)

// ignores decides what is not committed, as git does: later lines and deeper files go
// before others, and what is below an ignored folder is ignored.
type ignores struct {
	matcher gitignore.Matcher
	folders map[string]bool // what was decided about folders
}

// ignores reads the rules of a folder's .gitignore files, and notes in c which are too
// many.
func (b *box) ignores(ctx context.Context, c *change, actual map[string]workspace.Entry) (ignores, error) {
	var read []string
	for p := range actual {
		if path.Base(p) != ".gitignore" || actual[p].Mode == workspace.Symlink {
			continue
		}
		if c.w.sizes[p] > maxIgnore {
			c.notes = append(c.notes, fmt.Sprintf("%q is not heeded: it has more than %d bytes.", p, maxIgnore))
			continue
		}
		read = append(read, p)
	}
	slices.SortFunc(read, func(p, q string) int {
		return cmp.Or(cmp.Compare(strings.Count(p, "/"), strings.Count(q, "/")), cmp.Compare(p, q))
	})
	if most := maxPatterns; len(read) > most {
		read = read[:most]
	}
	rules, moving, err := b.read(ctx, c.w, slices.Clone(read), actual)
	if err != nil {
		return ignores{}, err
	}
	if len(moving) > 0 {
		return ignores{}, sandbox.ErrChanged
	}
	found, whole := newIgnores(read, rules)
	if !whole {
		c.notes = append(c.notes, fmt.Sprintf("Of the .gitignore files no more than %d lines are heeded.", maxPatterns))
	}
	return found, nil
}

// newIgnores reads .gitignore files in their order. whole: all of their lines are heeded.
func newIgnores(paths []string, files map[string]string) (_ ignores, whole bool) {
	var patterns []gitignore.Pattern
	whole = true
	for _, p := range paths {
		var domain []string
		if dir := path.Dir(p); dir != "." {
			domain = strings.Split(dir, "/")
		}
		for line := range strings.SplitSeq(files[p], "\n") {
			line = strings.TrimSuffix(line, "\r")
			if trimmed := strings.TrimSpace(line); trimmed == "" || strings.HasPrefix(trimmed, "#") {
				continue
			}
			if whole = len(patterns) < maxPatterns; !whole {
				break
			}
			patterns = append(patterns, gitignore.ParsePattern(line, domain))
		}
	}
	return ignores{gitignore.NewMatcher(patterns), map[string]bool{}}, whole
}

func (i ignores) match(file string) bool {
	folder := path.Dir(file)
	return folder != "." && i.matchFolder(folder) || i.matcher.Match(strings.Split(file, "/"), false)
}

func (i ignores) matchFolder(folder string) bool {
	ignored, known := i.folders[folder]
	if !known {
		above := path.Dir(folder)
		ignored = above != "." && i.matchFolder(above) || i.matcher.Match(strings.Split(folder, "/"), true)
		i.folders[folder] = ignored
	}
	return ignored
}
