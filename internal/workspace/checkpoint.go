package workspace

import (
	"context"
	"errors"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
)

// TipTx is the commit that a branch is at; "" where it has none.
func (w *Workspace) TipTx(ctx context.Context, tx *store.Tx, on Branch) (string, error) {
	at, err := readHead(ctx, tx.Ent, on.ProjectID, on.name(), false)
	return hashOrEmpty(at.hash), err
}

// worktreesPrefix is where the commits are that have a worktree's files, those included
// that are in no branch.
const worktreesPrefix = "refs/worktrees/"

// KeepCheckpoint keeps, under a checkpoint's id, the commit that has its branch's files
// and the one that has its worktree's; each may be "", for none.
func (w *Workspace) KeepCheckpoint(ctx context.Context, tx *store.Tx, projectID, id, commit, worktree string) error {
	for ref, hash := range map[string]string{checkpointsPrefix + id: commit, worktreesPrefix + id: worktree} {
		if hash == "" {
			continue
		}
		if err := keep(ctx, tx, projectID, ref, hash); err != nil {
			return err
		}
	}
	return nil
}

// CheckpointWorktree is the commit that has the files of a checkpoint's worktree; "" where
// there is none.
func (w *Workspace) CheckpointWorktree(ctx context.Context, tx *store.Tx, projectID, id string) (string, error) {
	ref, err := findRef(ctx, tx.Ent, projectID, worktreesPrefix+id)
	if ent.IsNotFound(err) {
		return "", nil
	}
	return ref, err
}

// DropCheckpoints forgets what was kept for checkpoints.
func (w *Workspace) DropCheckpoints(ctx context.Context, tx *store.Tx, projectID string, ids ...string) error {
	var refs []string
	for _, id := range ids {
		refs = append(refs, checkpointsPrefix+id, worktreesPrefix+id)
	}
	return drop(ctx, tx, projectID, refs...)
}

// Detached commits changes on top of a commit, "" for none, without moving a branch. What
// it returns is dropped after a day unless something keeps it.
func (w *Workspace) Detached(ctx context.Context, projectID, on string, author Author, message string, changes ...Change) (commit string, err error) {
	if err := check(message, changes); err != nil {
		return "", err
	}
	if err := access.RequireRole(ctx, w.db.Ent, projectID, enum.ProjectEditor); err != nil {
		return "", err
	}
	p := &prepared{on: Main(projectID), from: head{hash: plumbing.NewHash(on)}, objs: newObjects(ctx, w.db.Ent, w.packs, projectID)}
	root := plumbing.ZeroHash
	if on != "" {
		if root, err = rootOf(p.objs, p.from.hash); err != nil {
			return "", err
		}
	}
	edits, top, err := p.compare(root, changes)
	if err != nil {
		return "", err
	}
	if err := p.edit(top, edits); err != nil {
		return "", err
	}
	tree, err := top.write(p.objs)
	if err != nil {
		return "", err
	}
	hash, err := p.write(w.now(), tree, author, message)
	if err != nil {
		return "", err
	}
	if err := p.objs.pack(); err != nil {
		return "", err
	}
	return hash.String(), w.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		stored, err := p.objs.saveAlone(ctx, tx)
		if err != nil {
			return err
		}
		return w.quota.checkHistory(stored, p.objs.hasContent())
	})
}

// Restore is a branch that is to have the files of a commit again.
type Restore struct {
	On Branch
	// Commit has the files; "" has none.
	Commit string
	// Paths are the files and folders to restore; none are all of them.
	Paths []string
	// Author and Message are the new commit's.
	Author  Author
	Message string
}

// WouldRestore works out what a restore would change on what the branch is at now. The
// errors are those of Restoring; the caller has checked that it may be.
func (w *Workspace) WouldRestore(ctx context.Context, r Restore) ([]Difference, error) {
	p, found, err := w.restoring(ctx, w.db.Ent, false, r)
	if err != nil {
		return nil, err
	}
	return describeAll(found), w.quota.check(p.from, p.to)
}

// Restoring works out, as a part of tx, what a restore changes and the commit that does
// it. The branch is held until tx ends.
func (w *Workspace) Restoring(ctx context.Context, tx *store.Tx, r Restore) (*Restored, error) {
	p, found, err := w.restoring(ctx, tx.Ent, canLock(tx), r)
	if err != nil {
		return nil, err
	}
	out := &Restored{Commit: hashOrEmpty(p.to.hash), Files: describeAll(found), w: w}
	if len(found) > 0 {
		out.merged, err = w.ready(p, found, r.Author)
	}
	return out, err
}

// restoring prepares the commit that restores, where there is something to restore.
func (w *Workspace) restoring(ctx context.Context, c *ent.Client, lock bool, r Restore) (*prepared, []difference, error) {
	if err := check(r.Message, nil); err != nil {
		return nil, nil, err
	}
	for _, path := range r.Paths {
		if err := CheckPath(strings.TrimSuffix(path, "/")); err != nil {
			return nil, nil, problem.BadField("paths", "%s", err.Error())
		}
	}
	from, err := readHead(ctx, c, r.On.ProjectID, r.On.name(), lock)
	if err != nil {
		return nil, nil, err
	}
	if from.hash.IsZero() && r.On.name() != MainBranch {
		return nil, nil, problem.Missing("branch", "branch")
	}
	p := &prepared{on: r.On, from: from, to: from, objs: newObjects(ctx, c, w.packs, r.On.ProjectID)}
	var roots [2]plumbing.Hash
	for i, commit := range []plumbing.Hash{from.hash, plumbing.NewHash(r.Commit)} {
		if commit.IsZero() {
			continue
		}
		if roots[i], err = rootOf(p.objs, commit); err != nil {
			return nil, nil, err
		}
	}
	found, err := compareTrees(p.objs, roots[0], roots[1])
	if err != nil {
		return nil, nil, err
	}
	tree := roots[1]
	if len(r.Paths) > 0 {
		found = below(found, r.Paths)
		if tree, err = p.apply(roots[0], found); err != nil {
			return nil, nil, err
		}
	}
	if len(found) == 0 {
		return p, nil, nil
	}
	if tree.IsZero() {
		if tree, err = newFolder(tree).write(p.objs); err != nil {
			return nil, nil, err
		}
	}
	if p.to, err = p.after(found); err != nil {
		return nil, nil, err
	}
	p.to.hash, err = p.write(w.now(), tree, r.Author, r.Message)
	return p, found, err
}

// Restored is what a restore changes.
type Restored struct {
	// Commit is what the branch will be at; "" for nothing.
	Commit string
	Files  []Difference
	w      *Workspace
	merged *Merged
}

// Land writes the restore, in the transaction in which it was worked out.
func (r *Restored) Land(ctx context.Context, tx *store.Tx) error {
	if r.merged == nil {
		return nil
	}
	err := r.merged.Land(ctx, tx)
	if errors.Is(err, errMoved) {
		return problem.New(problem.Conflict, "somebody else has written to this project just now: try again")
	}
	return err
}

// below keeps what is at one of some paths, or in a folder of that path.
func below(found []difference, paths []string) (out []difference) {
	for _, d := range found {
		for _, path := range paths {
			path = strings.TrimSuffix(path, "/")
			if d.path == path || strings.HasPrefix(d.path, path+"/") {
				out = append(out, d)
				break
			}
		}
	}
	return out
}

// apply does to a tree what the differences say.
func (p *prepared) apply(root plumbing.Hash, found []difference) (plumbing.Hash, error) {
	paths := make([][]string, len(found))
	for i, d := range found {
		paths[i] = strings.Split(d.path, "/")
	}
	top, err := openFolders(p.objs, root, paths)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	for i, d := range found {
		if !d.before.Hash.IsZero() {
			top.remove(paths[i])
		}
	}
	for i, d := range found {
		if !d.after.Hash.IsZero() {
			if err := top.put(paths[i], d.after.Mode, d.after.Hash); err != nil {
				return plumbing.ZeroHash, problem.New(problem.Conflict, "%s can't be restored by itself: %s", d.path, err.Error())
			}
		}
	}
	return top.write(p.objs)
}

// Blob is the content of a file's revision, at most limit bytes of a text: nil when it is
// longer, or no text. It is for members.
func (w *Workspace) Blob(ctx context.Context, projectID, revision string, limit int64) (*string, error) {
	if _, err := access.StreamReader(ctx, w.db.Ent, projectID); err != nil {
		return nil, err
	}
	objs := newObjects(ctx, w.db.Ent, w.packs, projectID)
	hash := plumbing.NewHash(revision)
	sizes, err := objs.sizes(plumbing.BlobObject, []plumbing.Hash{hash})
	if err != nil || sizes[hash] > limit {
		return nil, err
	}
	content, err := objs.content(plumbing.BlobObject, hash)
	if err != nil || isBinary(content) {
		return nil, err
	}
	text := string(content)
	return &text, nil
}
