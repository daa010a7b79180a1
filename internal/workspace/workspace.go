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

// Workspace reads and writes the files of projects. It holds no state of its
// own and may be used by any number of goroutines.
type Workspace struct {
	db  *store.DB
	log *stream.Log
	now func() time.Time
}

// New makes a Workspace that announces changes in log.
func New(db *store.DB, log *stream.Log) *Workspace {
	return &Workspace{db: db, log: log, now: time.Now}
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
	objs, root, err := w.open(ctx, projectID, ref)
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
	if err := CheckPath(path); err != nil {
		return nil, err
	}
	objs, root, err := w.open(ctx, projectID, ref)
	if err != nil {
		return nil, err
	}
	entry, ok, err := find(objs, root, path)
	if err != nil {
		return nil, err
	}
	if !ok || !isFile(entry.Mode) {
		return nil, problem.Missing("path", "file")
	}
	content, err := objs.content(plumbing.BlobObject, entry.Hash)
	if err != nil {
		return nil, err
	}
	file := fileOf(path, entry.Hash, content)
	if !file.IsBinary {
		text := string(content)
		file.Text = &text
	}
	return &file, nil
}

// open finds the root folder at ref; it is the zero hash in an empty repository.
func (w *Workspace) open(ctx context.Context, projectID, ref string) (*objects, plumbing.Hash, error) {
	objs, tip, err := w.resolve(ctx, projectID, ref)
	if err != nil || tip.IsZero() {
		return objs, plumbing.ZeroHash, err
	}
	commit, err := object.GetCommit(objs, tip)
	if err != nil {
		return nil, plumbing.ZeroHash, err
	}
	return objs, commit.TreeHash, nil
}

// resolve finds the commit that ref stands for; it is the zero hash for main
// while nothing was committed. It is also the door of every read: it turns away
// those who are no members, who would else see an empty repository.
func (w *Workspace) resolve(ctx context.Context, projectID, ref string) (*objects, plumbing.Hash, error) {
	if _, err := access.StreamReader(ctx, w.db.Ent, projectID); err != nil {
		return nil, plumbing.ZeroHash, err
	}
	objs := newObjects(ctx, w.db.Ent, projectID)
	if hash, ok := parseHash(ref); ok {
		found, err := objs.exists(plumbing.CommitObject, hash)
		if err != nil {
			return nil, plumbing.ZeroHash, err
		}
		if !found {
			return nil, plumbing.ZeroHash, problem.Missing("ref", "commit")
		}
		return objs, hash, nil
	}
	if ref == "" {
		ref = mainBranch
	}
	if !utf8.ValidString(ref) || hasControl(ref) {
		return nil, plumbing.ZeroHash, problem.Missing("ref", "branch")
	}
	head, err := readHead(ctx, w.db.Ent, projectID, ref, false)
	if err != nil {
		return nil, plumbing.ZeroHash, err
	}
	if head.hash.IsZero() && ref != mainBranch {
		return nil, plumbing.ZeroHash, problem.Missing("ref", "branch")
	}
	return objs, head.hash, nil
}

// describe makes the listing's rows. Content is looked through a few files at a
// time, so that a page of large files is never in memory as a whole.
func describe(objs *objects, leaves []leaf) ([]File, error) {
	files := make([]File, 0, len(leaves))
	for part := range slices.Chunk(leaves, contentBatch) {
		hashes := make([]plumbing.Hash, len(part))
		for i, l := range part {
			hashes[i] = l.entry.Hash
		}
		seen := make(map[plumbing.Hash]File, len(part))
		err := objs.each(hashes, func(row *ent.GitObject) error {
			content, err := inflate(row)
			if err != nil {
				return err
			}
			hash := plumbing.NewHash(row.Hash)
			seen[hash] = fileOf("", hash, content)
			return nil
		})
		if err != nil {
			return nil, err
		}
		for _, l := range part {
			file, ok := seen[l.entry.Hash]
			if !ok {
				return nil, objs.lost(l.entry.Hash)
			}
			file.Path = l.path
			files = append(files, file)
		}
	}
	return files, nil
}

func fileOf(path string, hash plumbing.Hash, content []byte) File {
	return File{Path: path, Size: len(content), IsBinary: isBinary(content), Revision: hash.String()}
}

// sniffed is how much of a file git itself looks at for a NUL.
const sniffed = 8000

func isBinary(content []byte) bool {
	return bytes.IndexByte(content[:min(len(content), sniffed)], 0) >= 0 || !utf8.Valid(content)
}
