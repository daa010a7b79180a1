package command

import (
	"fmt"
	"maps"
	"slices"

	"github.com/zeblit/zeblit/internal/workspace"
)

// room is how many bytes of what changed are read and recorded at once: of ignored files,
// all together, and of others.
type room struct{ beside, project int64 }

// choose names the files to read, by what they are when listed: a sandbox's files may be
// far more than fits into a project, or into memory. What doesn't fit stays as it was
// recorded last, and is told.
func (c *change) choose(actual map[string]workspace.Entry, ignored ignores, r room) (read []string) {
	w := c.w
	for _, p := range slices.Sorted(maps.Keys(actual)) {
		e, was := actual[p], w.files[p]
		size := w.sizes[p]
		changed := was != e && was.Revision != e.Revision
		if _, tracked := w.tracked[p]; !tracked && ignored.match(p) {
			if size > r.beside {
				c.notes = append(c.notes, fmt.Sprintf("%q is ignored and too large to be kept beside the project's files.", p))
				delete(actual, p)
				continue
			}
			r.beside -= size
		} else if changed {
			if size > r.project {
				c.notes = append(c.notes, fmt.Sprintf("%q is not kept: with it more would have changed at once than a project can have.", p))
				c.leave(actual, p)
				continue
			}
			r.project -= size
		}
		if changed {
			read = append(read, p)
		}
	}
	return read
}

// leave has a file count as it was when it was last recorded.
func (c *change) leave(actual map[string]workspace.Entry, p string) {
	if was, known := c.w.files[p]; known {
		actual[p] = was
	} else {
		delete(actual, p)
	}
}
