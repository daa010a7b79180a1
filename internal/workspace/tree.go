package workspace

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// isFile reports whether an entry is a blob: not a folder, and not a submodule,
// whose content is in another repository.
func isFile(mode filemode.FileMode) bool {
	return mode != filemode.Dir && mode != filemode.Submodule
}

// leaf is a file in a listing.
type leaf struct {
	path  string
	entry object.TreeEntry
}

// find looks up what path names below the folder root.
func find(objs *objects, root plumbing.Hash, path string) (object.TreeEntry, bool, error) {
	entry := object.TreeEntry{Mode: filemode.Dir, Hash: root}
	if root.IsZero() {
		return entry, false, nil
	}
	for segment := range strings.SplitSeq(path, "/") {
		if entry.Mode != filemode.Dir {
			return object.TreeEntry{}, false, nil
		}
		tree, err := object.GetTree(objs, entry.Hash)
		if err != nil {
			return object.TreeEntry{}, false, fmt.Errorf("read folder %s: %w", entry.Hash, err)
		}
		i := slices.IndexFunc(tree.Entries, func(e object.TreeEntry) bool { return e.Name == segment })
		if i < 0 {
			return object.TreeEntry{}, false, nil
		}
		entry = tree.Entries[i]
	}
	return entry, true, nil
}

// list returns the files below prefix that come after the path after, sorted.
// It reads level by level, so the number of statements is that of the levels.
func list(objs *objects, root plumbing.Hash, prefix, after string) ([]leaf, error) {
	type branch struct {
		path string
		hash plumbing.Hash
	}
	level := []branch{{hash: root}}
	if prefix != "" {
		entry, ok, err := find(objs, root, prefix)
		if err != nil || !ok || entry.Mode != filemode.Dir {
			return nil, err
		}
		level = []branch{{path: prefix + "/", hash: entry.Hash}}
	}
	var leaves []leaf
	for len(level) > 0 {
		hashes := make([]plumbing.Hash, len(level))
		for i, b := range level {
			hashes[i] = b.hash
		}
		if err := objs.load(hashes...); err != nil {
			return nil, err
		}
		var next []branch
		for _, b := range level {
			tree, err := object.GetTree(objs, b.hash)
			if err != nil {
				return nil, fmt.Errorf("read folder %s: %w", b.hash, err)
			}
			for _, e := range tree.Entries {
				path := b.path + e.Name
				switch {
				case e.Mode == filemode.Dir:
					// All of a folder's files begin with its path, so it lies
					// wholly before after or holds some that don't.
					if path += "/"; path > after || strings.HasPrefix(after, path) {
						next = append(next, branch{path: path, hash: e.Hash})
					}
				case isFile(e.Mode) && path > after:
					leaves = append(leaves, leaf{path: path, entry: e})
				}
			}
		}
		level = next
	}
	slices.SortFunc(leaves, func(a, b leaf) int { return strings.Compare(a.path, b.path) })
	return leaves, nil
}

// folder is a folder being changed. Only the folders on the way to a changed
// path are opened; all others stay as the hashes they are.
type folder struct {
	hash    plumbing.Hash
	entries map[string]object.TreeEntry
	open    map[string]*folder
	changed bool
	// paths is what of the paths to open lies below this folder.
	paths [][]string
}

func newFolder(hash plumbing.Hash) *folder {
	return &folder{hash: hash, entries: map[string]object.TreeEntry{}, open: map[string]*folder{}}
}

// openFolders reads the folders on the way to each of paths, level by level.
// root is the zero hash when there is nothing yet.
func openFolders(objs *objects, root plumbing.Hash, paths [][]string) (*folder, error) {
	top := newFolder(root)
	top.paths = paths
	for level := []*folder{top}; len(level) > 0; {
		var hashes []plumbing.Hash
		for _, f := range level {
			hashes = append(hashes, f.hash)
		}
		if err := objs.load(hashes...); err != nil {
			return nil, err
		}
		var next []*folder
		for _, f := range level {
			opened, err := f.read(objs)
			if err != nil {
				return nil, err
			}
			next = append(next, opened...)
		}
		level = next
	}
	return top, nil
}

// read fills in the entries and returns the folders to read next.
func (f *folder) read(objs *objects) (next []*folder, err error) {
	if f.hash.IsZero() {
		return nil, nil
	}
	tree, err := object.GetTree(objs, f.hash)
	if err != nil {
		return nil, fmt.Errorf("read folder %s: %w", f.hash, err)
	}
	for _, e := range tree.Entries {
		f.entries[e.Name] = e
	}
	for _, path := range f.paths {
		e, ok := f.entries[path[0]]
		if len(path) == 1 || !ok || e.Mode != filemode.Dir {
			continue
		}
		sub := f.open[e.Name]
		if sub == nil {
			sub = newFolder(e.Hash)
			f.open[e.Name] = sub
			next = append(next, sub)
		}
		sub.paths = append(sub.paths, path[1:])
	}
	return next, nil
}

// file finds the file at path.
func (f *folder) file(path []string) (object.TreeEntry, bool) {
	for ; len(path) > 1; path = path[1:] {
		if f = f.open[path[0]]; f == nil {
			return object.TreeEntry{}, false
		}
	}
	e, ok := f.entries[path[0]]
	return e, ok && isFile(e.Mode)
}

// put writes the file at path and makes the folders on its way.
func (f *folder) put(path []string, mode filemode.FileMode, blob plumbing.Hash) error {
	name := path[0]
	present, exists := f.entries[name]
	if len(path) > 1 {
		if exists && present.Mode != filemode.Dir {
			return conflict("a file is where this path needs a folder")
		}
		sub := f.open[name]
		if sub == nil {
			sub = newFolder(plumbing.ZeroHash)
			f.open[name] = sub
			f.entries[name] = object.TreeEntry{Name: name, Mode: filemode.Dir}
		}
		f.changed = true
		return sub.put(path[1:], mode, blob)
	}
	if exists && !isFile(present.Mode) {
		return conflict("a folder has this path")
	}
	f.entries[name] = object.TreeEntry{Name: name, Mode: mode, Hash: blob}
	f.changed = true
	return nil
}

// remove takes away the file at path, which is there, and the folders that it
// leaves empty: git knows no empty folders.
func (f *folder) remove(path []string) {
	f.changed = true
	name := path[0]
	if len(path) > 1 {
		sub := f.open[name]
		sub.remove(path[1:])
		if len(sub.entries) > 0 {
			return
		}
		delete(f.open, name)
	}
	delete(f.entries, name)
}

// write adds the changed folders to objs, innermost first, and returns the hash
// of this one.
func (f *folder) write(objs *objects) (plumbing.Hash, error) {
	if !f.changed && !f.hash.IsZero() {
		return f.hash, nil
	}
	for name, sub := range f.open {
		hash, err := sub.write(objs)
		if err != nil {
			return plumbing.ZeroHash, err
		}
		f.entries[name] = object.TreeEntry{Name: name, Mode: filemode.Dir, Hash: hash}
	}
	tree := object.Tree{Entries: make([]object.TreeEntry, 0, len(f.entries))}
	for _, e := range f.entries {
		tree.Entries = append(tree.Entries, e)
	}
	sort.Sort(object.TreeEntrySorter(tree.Entries))
	return objs.add(tree.Encode)
}
