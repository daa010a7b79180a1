// Package workspace keeps each project's files: a git repository whose objects
// and branches are rows of the database, which is the only copy.
//
// Objects are immutable and named by their content, so they are only added. A
// branch moves from one commit to the next by compare-and-swap, and the events
// that tell of the change commit in the same transaction: a reader sees either
// all of a commit or nothing of it, and history has no gaps and no forks.
//
// Members of a project read it; editors write to it. To everyone else the
// project is NOT_FOUND.
package workspace

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
)

// Workspace reads and writes the files of projects. It may be used by any number of
// goroutines; all that it remembers is a few packs, which never change.
type Workspace struct {
	db    *store.DB
	log   *stream.Log
	packs *packCache
	quota Quota
	now   func() time.Time
}

// New makes a Workspace that announces changes in log.
func New(db *store.DB, log *stream.Log, options ...Option) *Workspace {
	w := &Workspace{db: db, log: log, packs: newPackCache(), quota: DefaultQuota(), now: time.Now}
	for _, option := range options {
		option(w)
	}
	return w
}

// File is one file at one commit.
type File struct {
	// Path is relative to the project's root, with "/" between segments.
	Path string
	// Size is in bytes.
	Size int
	// IsBinary is set when there is a NUL in the first 8000 bytes or the content
	// is not valid UTF-8.
	IsBinary bool
	// Mode is Regular, Executable or Symlink; the content of a link is its target.
	Mode Mode
	// Text is the content; nil in listings and for binary files.
	Text *string
	// Revision names the content: equal content has an equal revision. It is
	// what a Change may give as its Base.
	Revision string
}

// Files lists the files at ref below the folder prefix ("" for all of them), at
// any depth, in the byte order of their paths: at most limit that come after the
// path after. hasMore says that others follow. A folder that does not exist
// lists nothing.
//
// ref is a branch or a full commit hash; "" is main. An unknown one is NOT_FOUND
// with the field "ref".
func (w *Workspace) Files(ctx context.Context, projectID, prefix, ref, after string, limit int) (files []File, hasMore bool, err error) {
	prefix = strings.TrimSuffix(prefix, "/")
	if prefix != "" {
		if err := CheckPath(prefix); err != nil {
			return nil, false, err
		}
	}
	objs, root, err := w.open(ctx, w.db.Ent, projectID, ref)
	if err != nil || root.IsZero() {
		return nil, false, err
	}
	leaves, err := list(objs, root, prefix, after)
	if err != nil {
		return nil, false, err
	}
	limit = max(limit, 0)
	if len(leaves) > limit {
		leaves, hasMore = leaves[:limit], true
	}
	files, err = describe(objs, leaves)
	return files, hasMore, err
}

// File reads one file. What isn't there, or is a folder, is NOT_FOUND with the
// field "path". ref is as in Files.
func (w *Workspace) File(ctx context.Context, projectID, path, ref string) (*File, error) {
	file, content, err := w.Raw(ctx, projectID, path, ref)
	if err != nil {
		return nil, err
	}
	return file.withText(content), nil
}

// Raw is File with the content as bytes, at most MaxFile of them, and no Text.
func (w *Workspace) Raw(ctx context.Context, projectID, path, ref string) (*File, []byte, error) {
	f, err := w.find(ctx, projectID, path, ref)
	if err != nil {
		return nil, nil, err
	}
	return f.Read()
}

// open finds the root folder at ref; it is the zero hash in an empty repository.
func (w *Workspace) open(ctx context.Context, c *ent.Client, projectID, ref string) (*objects, plumbing.Hash, error) {
	objs, tip, err := w.resolveIn(ctx, c, projectID, ref)
	if err != nil || tip.IsZero() {
		return objs, plumbing.ZeroHash, err
	}
	root, err := rootOf(objs, tip)
	return objs, root, err
}

// rootOf is the root folder of a commit.
func rootOf(objs *objects, commit plumbing.Hash) (plumbing.Hash, error) {
	c, err := object.GetCommit(objs, commit)
	if err != nil {
		return plumbing.ZeroHash, fmt.Errorf("read commit %s: %w", commit, err)
	}
	return c.TreeHash, nil
}

// resolve finds the commit that ref stands for; it is the zero hash for main
// while nothing was committed. It is also the door of every read: it turns away
// those who are no members, who would else see an empty repository.
func (w *Workspace) resolve(ctx context.Context, projectID, ref string) (*objects, plumbing.Hash, error) {
	return w.resolveIn(ctx, w.db.Ent, projectID, ref)
}

func (w *Workspace) resolveIn(ctx context.Context, c *ent.Client, projectID, ref string) (*objects, plumbing.Hash, error) {
	objs, at, err := w.resolveHead(ctx, c, projectID, ref)
	return objs, at.hash, err
}

// resolveHead is resolveIn with what is known of the files there: -1 files where nobody has
// counted them.
func (w *Workspace) resolveHead(ctx context.Context, c *ent.Client, projectID, ref string) (*objects, head, error) {
	if _, err := access.StreamReader(ctx, c, projectID); err != nil {
		return nil, head{}, err
	}
	objs := newObjects(ctx, c, w.packs, projectID)
	if hash, ok := parseHash(ref); ok {
		found, err := objs.exists(plumbing.CommitObject, hash)
		if err != nil {
			return nil, head{}, err
		}
		if !found {
			return nil, head{}, problem.Missing("ref", "commit")
		}
		return objs, head{hash: hash, files: -1}, nil
	}
	if ref == "" {
		ref = MainBranch
	}
	if !utf8.ValidString(ref) || hasControl(ref) {
		return nil, head{}, problem.Missing("ref", "branch")
	}
	at, err := readHead(ctx, c, projectID, ref, false)
	if err != nil {
		return nil, head{}, err
	}
	if at.hash.IsZero() && ref != MainBranch {
		return nil, head{}, problem.Missing("ref", "branch")
	}
	return objs, at, nil
}

// describe makes the listing's rows. Content is looked through a few files at a time, and
// a large one's in parts, so that a page of them is never in memory as a whole.
func describe(objs *objects, leaves []leaf) ([]File, error) {
	files := make([]File, 0, len(leaves))
	hashes := make([]plumbing.Hash, len(leaves))
	for i, l := range leaves {
		hashes[i] = l.entry.Hash
	}
	sizes, err := objs.sizes(plumbing.BlobObject, hashes)
	if err != nil {
		return nil, err
	}
	for part := range slices.Chunk(leaves, contentBatch) {
		seen, err := describeSome(objs, part, sizes)
		if err != nil {
			return nil, err
		}
		for _, l := range part {
			file, ok := seen[l.entry.Hash]
			if !ok {
				return nil, objs.lost(l.entry.Hash)
			}
			file.Path, file.Mode = l.path, modeOf(l.entry.Mode)
			files = append(files, file)
		}
	}
	return files, nil
}

func describeSome(objs *objects, part []leaf, sizes map[plumbing.Hash]int64) (map[plumbing.Hash]File, error) {
	seen := make(map[plumbing.Hash]File, len(part))
	var small []plumbing.Hash
	for _, l := range part {
		hash := l.entry.Hash
		size := sizes[hash]
		if size <= MaxText {
			small = append(small, hash)
			continue
		}
		binary, err := objs.isLargeBinary(hash, size)
		if err != nil {
			return nil, err
		}
		seen[hash] = File{Size: int(size), IsBinary: binary, Revision: hash.String()}
	}
	err := objs.each(small, func(s stored) error {
		seen[s.hash] = fileOf("", s.hash, s.content)
		return nil
	})
	return seen, err
}

func fileOf(path string, hash plumbing.Hash, content []byte) File {
	return File{Path: path, Size: len(content), IsBinary: isBinary(content), Revision: hash.String()}
}

// sniffed is how much of a file git itself looks at for a NUL.
const sniffed = 8000

func isBinary(content []byte) bool {
	return bytes.IndexByte(content[:min(len(content), sniffed)], 0) >= 0 || !utf8.Valid(content)
}
