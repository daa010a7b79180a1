package workspace

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"

	"github.com/zeblit/zeblit/internal/problem"
)

// Snapshot is all files of a commit, to be read one after the other.
type Snapshot struct {
	// Commit is the hash; "" in an empty project.
	Commit string
	// At is when the commit was made.
	At time.Time
	// LeadOut are the paths of links that lead out of the project, which Each passes over.
	LeadOut []string

	objs   *objects
	leaves []leaf
}

// Snapshot opens all files at a ref, below the folder prefix ("" for all of them).
func (w *Workspace) Snapshot(ctx context.Context, projectID, ref, prefix string) (*Snapshot, error) {
	prefix = strings.TrimSuffix(prefix, "/")
	if prefix != "" {
		if err := CheckPath(prefix); err != nil {
			return nil, err
		}
	}
	objs, tip, err := w.resolve(ctx, projectID, ref)
	if err != nil || tip.IsZero() {
		return &Snapshot{}, err
	}
	c, err := (&trail{objs: objs}).commit(tip)
	if err != nil {
		return nil, err
	}
	s := &Snapshot{Commit: tip.String(), At: c.Committer.When.UTC(), objs: objs}
	if s.leaves, err = list(objs, c.TreeHash, prefix, ""); err != nil {
		return nil, err
	}
	if len(s.leaves) == 0 && prefix != "" {
		return nil, problem.Missing("path", "folder")
	}
	objs.forget()
	return s, s.dropLinks()
}

// dropLinks takes out the links that lead out of the project.
func (s *Snapshot) dropLinks() error {
	var hashes []plumbing.Hash
	for _, l := range s.leaves {
		if l.entry.Mode == filemode.Symlink {
			hashes = append(hashes, l.entry.Hash)
		}
	}
	targets := map[plumbing.Hash]string{}
	err := s.objs.each(hashes, func(o stored) error {
		targets[o.hash] = string(o.content)
		return nil
	})
	if err != nil {
		return err
	}
	links := links{}
	for _, l := range s.leaves {
		if l.entry.Mode == filemode.Symlink {
			links[l.path] = targets[l.entry.Hash]
		}
	}
	s.leaves = slices.DeleteFunc(s.leaves, func(l leaf) bool {
		out := l.entry.Mode == filemode.Symlink && links.leadOut(l.path)
		if out {
			s.LeadOut = append(s.LeadOut, l.path)
		}
		return out
	})
	return nil
}

// Sizes are how many bytes the largest file has and all of them together, and how many
// there are.
func (s *Snapshot) Sizes() (largest, all int64, files int, err error) {
	hashes := make([]plumbing.Hash, len(s.leaves))
	for i, l := range s.leaves {
		hashes[i] = l.entry.Hash
	}
	sizes, err := s.objs.sizes(plumbing.BlobObject, hashes)
	for _, h := range hashes {
		largest, all = max(largest, sizes[h]), all+sizes[h]
	}
	return largest, all, len(hashes), err
}

// Each calls fn with every file and its content, in the byte order of their paths. One
// file is in memory at a time.
func (s *Snapshot) Each(fn func(path string, mode Mode, content []byte) error) error {
	for _, l := range s.leaves {
		found := false
		err := s.objs.each([]plumbing.Hash{l.entry.Hash}, func(o stored) error {
			found = true
			return fn(l.path, modeOf(l.entry.Mode), o.content)
		})
		if err != nil {
			return err
		}
		if !found {
			return s.objs.lost(l.entry.Hash)
		}
	}
	return nil
}

// links are all links of a tree, and their targets.
type links map[string]string

// maxHops is how many links may lead on to each other, as on common systems.
const maxHops = 40

// leadOut reports whether the link at path leads out of the project, also by way of other
// links: whoever follows them reads what is behind them.
func (l links) leadOut(path string) bool {
	at := strings.Split(path, "/")
	at = at[:len(at)-1]
	rest := []string{path[strings.LastIndexByte(path, '/')+1:]}
	for hops := 0; len(rest) > 0; {
		segment := rest[0]
		rest = rest[1:]
		switch segment {
		case "", ".":
			continue
		case "..":
			if len(at) == 0 {
				return true
			}
			at = at[:len(at)-1]
			continue
		}
		target, isLink := l[strings.Join(append(slices.Clone(at), segment), "/")]
		if !isLink {
			at = append(at, segment)
			continue
		}
		if hops++; hops > maxHops || strings.HasPrefix(target, "/") {
			return true
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return false
}
