package workspace

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/zeblit/zeblit/internal/problem"
)

// The limits of a tree: how many folders below each other it shows, and how many
// entries.
const (
	MaxTreeDepth   = 32
	MaxTreeEntries = 5000
)

// TreeEntry is a folder or a file.
type TreeEntry struct {
	Path   string
	Folder bool
	// Mode, Size and Revision are those of a file.
	Mode     Mode
	Size     int64
	Revision string
}

// FileTree is what is in a folder.
type FileTree struct {
	// Commit is what it was read from; "" in an empty project.
	Commit  string
	Entries []TreeEntry
	// Truncated says that there are more entries than MaxTreeEntries.
	Truncated bool
}

// Tree lists what is in a folder ("" for the project's root), depth levels deep, the
// entries of each folder right behind it, in the byte order of their names. It reads
// level by level: where there is too much, what is deep down is missing. ref is as in
// Files; a folder that isn't there is NOT_FOUND with the field "path".
func (w *Workspace) Tree(ctx context.Context, projectID, folder, ref string, depth int) (*FileTree, error) {
	folder = strings.TrimSuffix(folder, "/")
	if folder != "" {
		if err := CheckPath(folder); err != nil {
			return nil, err
		}
	}
	if depth < 1 || depth > MaxTreeDepth {
		return nil, problem.BadField("depth", "a tree is 1 to %d folders deep", MaxTreeDepth)
	}
	objs, tip, err := w.resolve(ctx, projectID, ref)
	if err != nil {
		return nil, err
	}
	out := &FileTree{}
	if tip.IsZero() {
		return out, nil
	}
	out.Commit = tip.String()
	root, err := rootOf(objs, tip)
	if err != nil {
		return nil, err
	}
	start := opened{hash: root}
	if folder != "" {
		entry, ok, err := find(objs, root, folder)
		if err != nil {
			return nil, err
		}
		if !ok || entry.Mode != filemode.Dir {
			return nil, problem.Missing("path", "folder")
		}
		start = opened{path: folder + "/", hash: entry.Hash}
	}
	return out, out.fill(objs, start, depth)
}

// opened is a folder whose entries are read; path ends with "/".
type opened struct {
	path string
	hash plumbing.Hash
}

func (t *FileTree) fill(objs *objects, start opened, depth int) error {
	var files []plumbing.Hash
	for level := []opened{start}; len(level) > 0 && depth > 0; depth-- {
		var hashes []plumbing.Hash
		for _, f := range level {
			hashes = append(hashes, f.hash)
		}
		if err := objs.load(hashes...); err != nil {
			return err
		}
		var next []opened
		for _, f := range level {
			tree, err := object.GetTree(objs, f.hash)
			if err != nil {
				return fmt.Errorf("read folder %s: %w", f.hash, err)
			}
			for _, e := range tree.Entries {
				if e.Mode != filemode.Dir && !isFile(e.Mode) {
					continue
				}
				if t.Truncated = len(t.Entries) == MaxTreeEntries; t.Truncated {
					return t.finish(objs, files)
				}
				entry := TreeEntry{Path: f.path + e.Name, Folder: e.Mode == filemode.Dir}
				if entry.Folder {
					next = append(next, opened{path: entry.Path + "/", hash: e.Hash})
				} else {
					entry.Mode, entry.Revision = modeOf(e.Mode), e.Hash.String()
					files = append(files, e.Hash)
				}
				t.Entries = append(t.Entries, entry)
			}
		}
		level = next
	}
	return t.finish(objs, files)
}

// finish adds the sizes and brings the levels into one order.
func (t *FileTree) finish(objs *objects, files []plumbing.Hash) error {
	sizes, err := objs.sizes(plumbing.BlobObject, files)
	if err != nil {
		return err
	}
	for i := range t.Entries {
		if e := &t.Entries[i]; !e.Folder {
			e.Size = sizes[plumbing.NewHash(e.Revision)]
		}
	}
	// "/" sorts before everything else that a name can have, so that a folder's entries
	// come right behind it.
	slices.SortFunc(t.Entries, func(a, b TreeEntry) int {
		return slices.Compare(strings.Split(a.Path, "/"), strings.Split(b.Path, "/"))
	})
	return nil
}
