package workspace

import (
	"context"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/zeblit/zeblit/internal/problem"
)

// The limits of a diff.
const (
	// MaxDiffFiles is how many files are told of.
	MaxDiffFiles = 1000
	// MaxDiffLines is how many lines all hunks have together.
	MaxDiffLines = 20_000

	// hunkContext is how many equal lines stand around a change.
	hunkContext = 3
)

// FileStatus is what became of a file between two commits.
type FileStatus string

// The states of a file in a diff.
const (
	Added    FileStatus = "ADDED"
	Modified FileStatus = "MODIFIED"
	Deleted  FileStatus = "DELETED"
	Renamed  FileStatus = "RENAMED"
)

// Diff is what is different between two commits.
type Diff struct {
	// From and To are the commits; From is "" where nothing was before.
	From, To  string
	Files     []FileDiff
	Additions int
	Deletions int
	// Truncated says that files, or lines of them, are missing for the limits' sake.
	Truncated bool
}

// FileDiff is one file of a diff. Of an added file Old is the zero value, of a deleted
// one New.
type FileDiff struct {
	Path string
	// Previous is the path before a move.
	Previous string
	Status   FileStatus
	// Similarity is how much of a moved file's content stayed, in percent.
	Similarity int
	Old, New   Version
	IsBinary   bool
	Hunks      []Hunk
	Additions  int
	Deletions  int
	// Truncated says that the lines are missing, or some of them.
	Truncated bool
}

// Hunk is lines that stand together. Lines count from 1.
type Hunk struct {
	OldStart, OldLines int
	NewStart, NewLines int
	Lines              []DiffLine
}

// DiffLine is a line of a hunk: Kind is ' ', '-' or '+'. A number is 0 where the line is
// not on that side.
type DiffLine struct {
	Kind     byte
	Old, New int
	// Text is without its newline; NoNewline says that it had none.
	Text      string
	NoNewline bool
}

// Diff compares two refs, of all files, or of one file or folder. from "" is the parent
// of to. An unknown ref is NOT_FOUND with the field "from" or "to".
func (w *Workspace) Diff(ctx context.Context, projectID, from, to, path string) (*Diff, error) {
	path = strings.TrimSuffix(path, "/")
	if path != "" {
		if err := CheckPath(path); err != nil {
			return nil, err
		}
	}
	objs, after, err := w.resolve(ctx, projectID, to)
	if err != nil {
		return nil, refField(err, "to")
	}
	before, err := w.diffBase(ctx, objs, projectID, from, after)
	if err != nil {
		return nil, err
	}
	var roots [2]plumbing.Hash
	out := &Diff{}
	for i, tip := range []plumbing.Hash{before, after} {
		if tip.IsZero() {
			continue
		}
		*[]*string{&out.From, &out.To}[i] = tip.String()
		if roots[i], err = rootOf(objs, tip); err != nil {
			return nil, err
		}
	}
	found, err := compareTrees(objs, roots[0], roots[1])
	if err != nil {
		return nil, err
	}
	d := &differ{Diff: out, objs: objs}
	return out, d.run(ctx, found, path)
}

// diffBase is what to compare with.
func (w *Workspace) diffBase(ctx context.Context, objs *objects, projectID, from string, to plumbing.Hash) (plumbing.Hash, error) {
	if from != "" {
		_, hash, err := w.resolve(ctx, projectID, from)
		return hash, refField(err, "from")
	}
	if to.IsZero() {
		return plumbing.ZeroHash, nil
	}
	c, err := object.GetCommit(objs, to)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	return firstParent(c), nil
}

// refField names the argument that a ref was in.
func refField(err error, field string) error {
	if p := problem.As(err); p != nil && p.Field == "ref" {
		return asField(err, field)
	}
	return err
}

// differ makes a diff.
type differ struct {
	*Diff
	objs  *objects
	lines int
}

func (d *differ) run(ctx context.Context, found []difference, path string) error {
	files, err := d.pair(found)
	if err != nil {
		return err
	}
	for _, f := range files {
		if path != "" && !under(f.Path, path) && (f.Previous == "" || !under(f.Previous, path)) {
			continue
		}
		if len(d.Files) == MaxDiffFiles {
			d.Truncated = true
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := d.fill(&f); err != nil {
			return err
		}
		d.Additions, d.Deletions = d.Additions+f.Additions, d.Deletions+f.Deletions
		d.Truncated = d.Truncated || f.Truncated
		d.Files = append(d.Files, f)
		d.objs.forget()
	}
	return nil
}

func under(path, folder string) bool {
	return path == folder || strings.HasPrefix(path, folder+"/")
}
