package workspace

import (
	"context"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/gitref"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
)

// A hidden ref keeps a commit, and all that it leads to, from being dropped. It is no
// branch: nobody can write to it, and it is in no list.
const (
	mergesPrefix      = "refs/merges/"
	checkpointsPrefix = "refs/checkpoints/"
)

// keep makes a hidden ref, once.
func keep(ctx context.Context, tx *store.Tx, projectID, ref, commit string) error {
	err := tx.Ent.GitRef.Create().SetProjectID(projectID).SetName(ref).SetHash(commit).
		OnConflictColumns(gitref.FieldProjectID, gitref.FieldName).Ignore().Exec(ctx)
	if err != nil {
		return fmt.Errorf("keep commit %s: %w", commit, err)
	}
	return nil
}

func drop(ctx context.Context, tx *store.Tx, projectID string, refs ...string) error {
	if _, err := tx.Ent.GitRef.Delete().Where(gitref.ProjectID(projectID), gitref.NameIn(refs...)).Exec(ctx); err != nil {
		return fmt.Errorf("drop hidden refs: %w", err)
	}
	return nil
}

func findRef(ctx context.Context, c *ent.Client, projectID, ref string) (string, error) {
	found, err := c.GitRef.Query().Where(gitref.ProjectID(projectID), gitref.Name(ref)).Only(ctx)
	if err != nil {
		return "", err
	}
	return found.Hash, nil
}

// Kept is what git made of a merge that it could not finish.
type Kept struct {
	m *Merging
	// Commit has the files as git leaves them, with both sides of what is in conflict, and
	// both sides as its parents.
	Commit string
}

// Keep makes a commit of the folder tree that a merge with conflicts came to.
func (m *Merging) Keep(tree string) (*Kept, error) {
	p := &prepared{on: m.target, from: m.ours, objs: m.objs}
	commit, err := p.writeOn(m.w.now(), plumbing.NewHash(tree), Author{}, "Conflicts", m.theirs.hash, m.ours.hash)
	if err != nil {
		return nil, err
	}
	return &Kept{m, commit.String()}, m.objs.pack()
}

// Land writes it, as a part of tx, for the merge of that id.
func (k *Kept) Land(ctx context.Context, tx *store.Tx, mergeID string) error {
	if err := keep(ctx, tx, k.m.target.ProjectID, mergesPrefix+mergeID, k.Commit); err != nil {
		return err
	}
	stored, err := k.m.objs.save(ctx, tx.Ent)
	if err != nil {
		return err
	}
	return k.m.w.quota.checkHistory(stored, k.m.objs.hasContent())
}

// DropMerge forgets what was kept for a merge.
func (w *Workspace) DropMerge(ctx context.Context, tx *store.Tx, projectID, mergeID string) error {
	return drop(ctx, tx, projectID, mergesPrefix+mergeID)
}

// Resolution is a merge's conflicts, decided.
type Resolution struct {
	// MergeID, Ours and Theirs are the merge's.
	MergeID, Ours, Theirs string
	Changes               []Change
}

// Resolve commits, on the source of a merge, both sides with the conflicts decided: the
// source's branch then has all of the target as it was. CONFLICT with the field "mergeId"
// when the source has moved on since the conflicts were found.
func (w *Workspace) Resolve(ctx context.Context, tx *store.Tx, source Branch, r Resolution, author Author, message string) (string, error) {
	if err := check(message, r.Changes); err != nil {
		return "", err
	}
	from, err := readHead(ctx, tx.Ent, source.ProjectID, source.name(), canLock(tx))
	if err != nil {
		return "", err
	}
	moved := &problem.Error{Code: problem.Conflict, Field: "mergeId", Message: "the branch has changed since the conflicts were found: merge it again"}
	if hashOrEmpty(from.hash) != r.Theirs {
		return "", moved
	}
	p := &prepared{on: source, from: from, to: from, objs: newObjects(ctx, tx.Ent, w.packs, source.ProjectID)}
	root, err := keptTree(ctx, tx, p.objs, source.ProjectID, r.MergeID)
	if err != nil {
		return "", err
	}
	var changes []Change
	for _, c := range r.Changes {
		if c.Deletes() {
			if _, there, err := find(p.objs, root, c.Path); err != nil || !there {
				if err != nil {
					return "", err
				}
				continue // git has left nothing of it
			}
		}
		changes = append(changes, c)
	}
	edits, top, err := p.compare(root, changes)
	if err != nil {
		return "", err
	}
	if len(edits) > 0 {
		if err := p.edit(top, edits); err != nil {
			return "", err
		}
	}
	tree, err := top.write(p.objs)
	if err != nil {
		return "", err
	}
	before, err := rootOf(p.objs, from.hash)
	if err != nil {
		return "", err
	}
	found, err := compareTrees(p.objs, before, tree)
	if err != nil {
		return "", err
	}
	if p.to, err = p.after(found); err != nil {
		return "", err
	}
	p.to.hash, err = p.writeOn(w.now(), tree, author, message, from.hash, plumbing.NewHash(r.Ours))
	if err != nil {
		return "", err
	}
	ready, err := w.ready(p, found, author)
	if err != nil {
		return "", err
	}
	if err := ready.Land(ctx, tx); err != nil {
		if Moved(err) {
			err = moved
		}
		return "", err
	}
	return ready.Commit, w.DropMerge(ctx, tx, source.ProjectID, r.MergeID)
}

func keptTree(ctx context.Context, tx *store.Tx, objs *objects, projectID, mergeID string) (plumbing.Hash, error) {
	kept, err := findRef(ctx, tx.Ent, projectID, mergesPrefix+mergeID)
	if err != nil {
		return plumbing.ZeroHash, fmt.Errorf("find what was kept of merge %s: %w", mergeID, err)
	}
	c, err := object.GetCommit(objs, plumbing.NewHash(kept))
	if err != nil {
		return plumbing.ZeroHash, fmt.Errorf("read what was kept of merge %s: %w", mergeID, err)
	}
	return c.TreeHash, nil
}
