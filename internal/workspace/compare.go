package workspace

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/store"
)

// Version is what a path holds at one commit; the zero value where it holds no file.
type Version struct {
	Revision string
	Mode     Mode
}

// Difference is a path that doesn't hold the same at two commits.
type Difference struct {
	Path          string
	Change        enum.FileChange
	Before, After Version
}

// Compare lists the files that differ between two commits, in the byte order of their
// paths: what was done to get from one to the other. from and to are as ref in Files; a
// file that became an executable, or a link, is MODIFIED.
func (w *Workspace) Compare(ctx context.Context, projectID, from, to string) ([]Difference, error) {
	return w.compareIn(ctx, w.db.Ent, projectID, from, to)
}

// CompareTx is Compare as a part of tx.
func (w *Workspace) CompareTx(ctx context.Context, tx *store.Tx, projectID, from, to string) ([]Difference, error) {
	return w.compareIn(ctx, tx.Ent, projectID, from, to)
}

func (w *Workspace) compareIn(ctx context.Context, c *ent.Client, projectID, from, to string) ([]Difference, error) {
	var roots [2]plumbing.Hash
	var objs *objects
	for i, ref := range []string{from, to} {
		var commit plumbing.Hash
		var err error
		if objs, commit, err = w.resolveIn(ctx, c, projectID, ref); err != nil {
			return nil, err
		}
		if commit.IsZero() {
			continue
		}
		if roots[i], err = rootOf(objs, commit); err != nil {
			return nil, err
		}
	}
	found, err := compareTrees(objs, roots[0], roots[1])
	if err != nil {
		return nil, err
	}
	return describeAll(found), nil
}

// difference is a Difference in git's words.
type difference struct {
	path          string
	before, after object.TreeEntry // without a hash where there is no file
}

func (d difference) change() enum.FileChange {
	switch {
	case d.after.Hash.IsZero():
		return enum.FileDeleted
	case d.before.Hash.IsZero():
		return enum.FileCreated
	}
	return enum.FileModified
}

func describeAll(found []difference) []Difference {
	out := make([]Difference, len(found))
	for i, d := range found {
		out[i] = Difference{Path: d.path, Change: d.change(), Before: versionOf(d.before), After: versionOf(d.after)}
	}
	return out
}

func versionOf(e object.TreeEntry) Version {
	if e.Hash.IsZero() {
		return Version{}
	}
	return Version{Revision: e.Hash.String(), Mode: modeOf(e.Mode)}
}

// compareTrees finds the files that differ below two folders, each of which may be the
// zero hash, for none. Equal folders are not read, and the others level by level, so the
// number of statements is that of the levels that differ.
func compareTrees(objs *objects, before, after plumbing.Hash) ([]difference, error) {
	type pair struct {
		path          string
		before, after plumbing.Hash
	}
	var out []difference
	for level := []pair{{"", before, after}}; len(level) > 0; {
		var hashes []plumbing.Hash
		for _, p := range level {
			hashes = append(hashes, p.before, p.after)
		}
		if err := objs.load(hashes...); err != nil {
			return nil, err
		}
		var next []pair
		for _, p := range level {
			if p.before == p.after {
				continue
			}
			both, err := sideBySide(objs, p.before, p.after)
			if err != nil {
				return nil, err
			}
			for name, e := range both {
				path := p.path + name
				if folders := (pair{path + "/", folderHash(e[0]), folderHash(e[1])}); folders.before != folders.after {
					next = append(next, folders)
				}
				if d := (difference{path, fileEntry(e[0]), fileEntry(e[1])}); d.before != d.after {
					out = append(out, d)
				}
			}
		}
		level = next
	}
	slices.SortFunc(out, func(a, b difference) int { return cmp.Compare(a.path, b.path) })
	return out, nil
}

// sideBySide is what each name stands for in each of some folders.
func sideBySide(objs *objects, before, after plumbing.Hash) (map[string][2]object.TreeEntry, error) {
	both := map[string][2]object.TreeEntry{}
	for side, hash := range []plumbing.Hash{before, after} {
		if hash.IsZero() {
			continue
		}
		tree, err := object.GetTree(objs, hash)
		if err != nil {
			return nil, fmt.Errorf("read folder %s: %w", hash, err)
		}
		for _, e := range tree.Entries {
			entries := both[e.Name]
			entries[side] = e
			both[e.Name] = entries
		}
	}
	return both, nil
}

func folderHash(e object.TreeEntry) plumbing.Hash {
	if e.Mode != filemode.Dir {
		return plumbing.ZeroHash
	}
	return e.Hash
}

func fileEntry(e object.TreeEntry) object.TreeEntry {
	if !isFile(e.Mode) {
		return object.TreeEntry{}
	}
	return e
}
