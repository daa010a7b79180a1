package workspace

import (
	"context"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/zeblit/zeblit/internal/linediff"
	"github.com/zeblit/zeblit/internal/problem"
)

// How far blame looks back. Lines that are older are told as of the last commit that
// was looked at.
const (
	blameCommits = 5000
	blameTime    = 5 * time.Second
)

// BlameRange is successive lines that the same commit has brought. Lines count from 1.
type BlameRange struct {
	Start, End int
	Commit     Commit
	// Path is what the file was called in that commit, and OriginalStart where the lines
	// stood in it.
	Path          string
	OriginalStart int
}

// Blame is who has written each line of a file.
type Blame struct {
	Revision string
	Ranges   []BlameRange
	// Truncated says that the history is longer than what was looked at.
	Truncated bool
}

// Blame tells for each line of a text file which commit has brought it. It follows all
// parents of merges, and moves that left the content alone. Binary files, and those over
// MaxText, are a BAD_USER_INPUT with the field "path".
func (w *Workspace) Blame(ctx context.Context, projectID, path, ref string) (*Blame, error) {
	file, content, err := w.Raw(ctx, projectID, path, ref)
	if err != nil {
		return nil, err
	}
	if file.IsBinary || len(content) > MaxText {
		return nil, problem.BadField("path", "only text files of at most %d bytes have lines to tell the origin of", MaxText)
	}
	objs, tip, err := w.resolve(ctx, projectID, ref)
	if err != nil {
		return nil, err
	}
	lines := linediff.Lines(string(content))
	b := &blaming{trail: trail{objs: objs}, told: make([]origin, len(lines)), until: time.Now().Add(blameTime)}
	all := make([]line, len(lines))
	for i := range lines {
		all[i] = line{of: i, at: i}
	}
	if err := b.run(ctx, tip, file.Path, all); err != nil {
		return nil, err
	}
	return &Blame{Revision: file.Revision, Ranges: b.ranges(), Truncated: b.truncated}, nil
}

// line is a line of the file asked about, and where it stands in an older version.
type line struct{ of, at int }

// origin is what was found out about a line.
type origin struct {
	commit *object.Commit
	path   string
	at     int
}

// version is a file at a commit, and those of the lines that are in it.
type version struct {
	commit *object.Commit
	path   string
	entry  object.TreeEntry
	lines  []line
}

type blaming struct {
	trail
	told      []origin
	until     time.Time
	truncated bool
}

func (b *blaming) run(ctx context.Context, tip plumbing.Hash, path string, all []line) error {
	if len(all) == 0 {
		return nil
	}
	first, err := b.commit(tip)
	if err != nil {
		return err
	}
	entry, err := b.at(first, path)
	if err != nil {
		return err
	}
	open := []version{{first, path, entry, all}}
	for len(open) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		v := open[0]
		open = open[1:]
		if b.read > blameCommits || time.Now().After(b.until) {
			b.truncated = true
			b.tell(v, v.lines)
			continue
		}
		older, err := b.hand(v)
		if err != nil {
			return err
		}
		open = join(open, older)
	}
	return nil
}

// join adds versions to those that are open. Two ways to one version become one, or
// every merge would double what is to do.
func join(open, more []version) []version {
	for _, v := range more {
		merged := false
		for i, o := range open {
			if o.commit.Hash == v.commit.Hash && o.path == v.path {
				open[i].lines = append(open[i].lines, v.lines...)
				merged = true
				break
			}
		}
		if !merged {
			open = append(open, v)
		}
	}
	return open
}

// hand gives the lines of a version on to the parents that have them; what is left came
// with the commit.
func (b *blaming) hand(v version) ([]version, error) {
	parents, err := b.parents(v.commit)
	if err != nil {
		return nil, err
	}
	var older []version
	left := v.lines
	for _, p := range parents {
		path, entry, err := b.origin(v.commit, p, v.path, v.entry)
		if err != nil {
			return nil, err
		}
		if entry.Hash == v.entry.Hash {
			return []version{{p, path, entry, left}}, nil // as it is there
		}
		if entry.Hash.IsZero() {
			continue
		}
		var handed []line
		if handed, left, err = b.divide(entry.Hash, v.entry.Hash, left); err != nil {
			return nil, err
		}
		if len(handed) > 0 {
			older = append(older, version{p, path, entry, handed})
		}
		if len(left) == 0 {
			return older, nil
		}
	}
	b.tell(v, left)
	return older, nil
}

// divide says which of some lines of a text were in the one before it, and where.
func (b *blaming) divide(before, after plumbing.Hash, lines []line) (handed, left []line, err error) {
	size, err := b.objs.EncodedObjectSize(before)
	if err != nil || size > MaxText {
		return nil, lines, err
	}
	texts := make([][]string, 2)
	for i, hash := range []plumbing.Hash{before, after} {
		content, err := b.objs.content(plumbing.BlobObject, hash)
		if err != nil {
			return nil, nil, err
		}
		texts[i] = linediff.Lines(string(content))
	}
	from := make([]int, len(texts[1])) // of each line in the older text; -1: it is new
	at := 0
	for _, k := range append(linediff.Compare(texts[0], texts[1]), linediff.Block{
		A: len(texts[0]), AEnd: len(texts[0]), B: len(texts[1]), BEnd: len(texts[1]),
	}) {
		for i := at; i < k.B; i++ {
			from[i] = k.A - (k.B - i)
		}
		for i := k.B; i < k.BEnd; i++ {
			from[i] = -1
		}
		at = k.BEnd
	}
	for _, l := range lines {
		if from[l.at] < 0 {
			left = append(left, l)
		} else {
			handed = append(handed, line{of: l.of, at: from[l.at]})
		}
	}
	return handed, left, nil
}

func (b *blaming) tell(v version, lines []line) {
	for _, l := range lines {
		b.told[l.of] = origin{v.commit, v.path, l.at}
	}
}

// ranges puts together lines of one commit that stood together.
func (b *blaming) ranges() []BlameRange {
	var out []BlameRange
	for i, o := range b.told {
		if n := len(out); n > 0 {
			last := &out[n-1]
			if last.Commit.Hash == o.commit.Hash.String() && last.Path == o.path && last.OriginalStart+i+1-last.Start == o.at+1 {
				last.End = i + 1
				continue
			}
		}
		out = append(out, BlameRange{Start: i + 1, End: i + 1, Commit: describeCommit(o.commit), Path: o.path, OriginalStart: o.at + 1})
	}
	return out
}
