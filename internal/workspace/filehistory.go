package workspace

import (
	"context"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/problem"
)

// maxWalk is how many commits one page of a file's history looks at.
const maxWalk = 2000

// FileVersion is a commit that changed a file.
type FileVersion struct {
	Commit Commit
	// Path is what the file was called then, and Previous what before, where it was moved.
	Path, Previous string
	Change         enum.FileChange
	// Revision is "" where the commit deleted the file.
	Revision string
}

// Step is where a file's history goes on: with this commit, in which the file is at
// Path.
type Step struct{ Commit, Path string }

// History is a page of a file's history. Next is nil at its end.
type History struct {
	Versions []FileVersion
	// Steps are where to go on after each version.
	Steps []Step
	Next  *Step
}

// FileHistory lists the commits that changed a file, newest first: at most limit, from
// the step after on (nil for the first page). It follows the file through moves that
// left its content alone, and at a merge the side that the file came from. A page looks
// at 2000 commits at most, so it can be short, and even empty, and yet not the last.
//
// A file that is deleted at ref has a history too; a path that never was a file is
// NOT_FOUND with the field "path".
func (w *Workspace) FileHistory(ctx context.Context, projectID, path, ref string, after *Step, limit int) (*History, error) {
	if err := CheckPath(path); err != nil {
		return nil, err
	}
	at := Step{Commit: ref, Path: path}
	if after != nil {
		at = *after
	}
	objs, next, err := w.resolve(ctx, projectID, at.Commit)
	if err != nil {
		return nil, err
	}
	h := &historian{trail: trail{objs: objs}, path: at.Path}
	out := &History{}
	for walked := 0; !next.IsZero() && len(out.Versions) < limit; walked++ {
		if walked == maxWalk {
			out.Next = &Step{Commit: next.String(), Path: h.path}
			return out, nil
		}
		version, before, err := h.step(next)
		if err != nil {
			return nil, err
		}
		next = before
		if version != nil {
			out.Versions = append(out.Versions, *version)
			out.Steps = append(out.Steps, Step{Commit: next.String(), Path: h.path})
		}
	}
	if !next.IsZero() {
		out.Next = &Step{Commit: next.String(), Path: h.path}
	}
	if after == nil && limit > 0 && len(out.Versions) == 0 {
		return nil, problem.Missing("path", "file")
	}
	return out, nil
}

// historian goes back along the history of the file at path.
type historian struct {
	trail
	path string
}

// step looks at one commit and returns what it did to the file, if anything, and the
// commit to go on with. It changes path where the file was moved.
func (h *historian) step(hash plumbing.Hash) (*FileVersion, plumbing.Hash, error) {
	c, err := h.commit(hash)
	if err != nil {
		return nil, plumbing.ZeroHash, err
	}
	is, err := h.at(c, h.path)
	if err != nil {
		return nil, plumbing.ZeroHash, err
	}
	parents, err := h.parents(c)
	if err != nil {
		return nil, plumbing.ZeroHash, err
	}
	for _, p := range parents {
		was, err := h.at(p, h.path)
		if err != nil {
			return nil, plumbing.ZeroHash, err
		}
		if was.Hash == is.Hash && was.Mode == is.Mode {
			return nil, p.Hash, nil
		}
	}
	version := &FileVersion{Commit: describeCommit(c), Path: h.path, Change: enum.FileModified}
	if !is.Hash.IsZero() {
		version.Revision = is.Hash.String()
	}
	next := firstParent(c)
	before := object.TreeEntry{}
	if len(parents) > 0 {
		from := h.path
		if is.Hash.IsZero() {
			before, err = h.at(parents[0], h.path)
		} else {
			from, before, err = h.origin(c, parents[0], h.path, is)
		}
		if err != nil {
			return nil, plumbing.ZeroHash, err
		}
		if !before.Hash.IsZero() && from != h.path {
			version.Previous, h.path = from, from
		}
	}
	switch {
	case is.Hash.IsZero() && before.Hash.IsZero():
		return nil, next, nil
	case is.Hash.IsZero():
		version.Change = enum.FileDeleted
	case before.Hash.IsZero():
		version.Change = enum.FileCreated
	}
	return version, next, nil
}
