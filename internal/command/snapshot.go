package command

import (
	"context"
	"slices"
	"strings"

	"github.com/zeblit/zeblit/ent"
	entworktree "github.com/zeblit/zeblit/ent/worktree"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/workspace"
)

// Snapshot commits a branch's files together with those that .gitignore keeps out of it,
// on no branch; "" where there are none beside the branch's own, whose tree is beside. What processes in the
// background have written in the last seconds may be missing.
func (s *Service) Snapshot(ctx context.Context, on workspace.Branch) (commit, beside string, err error) {
	tip, beside, tracked, untracked, err := s.beside(ctx, on)
	if err != nil || len(untracked) == 0 {
		return "", beside, err
	}
	var changes []workspace.Change
	for _, e := range without(union(byPath(tracked), untracked)) {
		if _, ok := slices.BinarySearchFunc(tracked, e.Path, func(t workspace.Entry, p string) int { return strings.Compare(t.Path, p) }); !ok {
			changes = append(changes, workspace.Change{Path: e.Path, Revision: e.Revision, Mode: e.Mode})
		}
	}
	slices.SortFunc(changes, func(a, b workspace.Change) int { return strings.Compare(a.Path, b.Path) })
	commit, err = s.files.Detached(ctx, on.ProjectID, tip, workspace.Author{}, "Files of the worktree", changes...)
	return commit, beside, err
}

// Hold keeps the files beside a branch as they are until tx ends, and names their tree. Who also writes to the
// branch does so after it, as a command that ends.
func (s *Service) Hold(ctx context.Context, tx *store.Tx, on workspace.Branch) (beside string, err error) {
	row, err := rowOf(ctx, tx, on.ProjectID, nameOf(on))
	if err != nil {
		return "", err
	}
	return row.Untracked, nil
}

// Restore makes the files beside a branch those that a commit of Snapshot's has, or those
// of them at or below paths, as a part of tx, which holds them. The sandbox gets them
// before its next command; what processes in the background change until then stays as
// they have it.
func (s *Service) Restore(ctx context.Context, tx *store.Tx, on workspace.Branch, commit string, paths []string) error {
	row, err := rowOf(ctx, tx, on.ProjectID, nameOf(on))
	if err != nil {
		return err
	}
	_, tracked, err := s.files.CheckoutTx(ctx, tx, on)
	if err != nil {
		return err
	}
	untracked, err := s.files.KeptTreeTx(ctx, tx, on.ProjectID, row.Untracked)
	if err != nil {
		return err
	}
	var wanted []workspace.Entry
	if commit != "" {
		if _, wanted, err = s.files.CheckoutAtTx(ctx, tx, on.ProjectID, commit); err != nil {
			return err
		}
	}
	own, files := byPath(tracked), map[string]workspace.Content{}
	for _, e := range untracked {
		if len(paths) > 0 && !within(e.Path, paths) {
			files[e.Path] = workspace.Content{Entry: e}
		}
	}
	for _, e := range wanted {
		if _, is := own[e.Path]; !is && (len(paths) == 0 || within(e.Path, paths)) {
			files[e.Path] = workspace.Content{Entry: e}
		}
	}
	made, err := s.files.KeepUntracked(ctx, tx, on, inOrder(files))
	if err != nil {
		return err
	}
	u := tx.Ent.Worktree.UpdateOneID(row.ID).SetUntracked(made)
	if row.Held == nil { // where the sandbox was thought to have just these, it has what they were
		u.SetHeld(row.Untracked)
	}
	return u.Exec(ctx)
}

// beside reads a branch's files and the tree of those that are kept beside it.
func (s *Service) beside(ctx context.Context, on workspace.Branch) (tip, tree string, tracked, untracked []workspace.Entry, err error) {
	if tip, tracked, err = s.files.Checkout(ctx, on.ProjectID, nameOf(on)); err != nil {
		return "", "", nil, nil, err
	}
	row, err := s.db.Ent.Worktree.Query().Where(entworktree.ProjectID(on.ProjectID), entworktree.Branch(nameOf(on))).Only(ctx)
	if ent.IsNotFound(err) {
		return tip, "", tracked, nil, nil
	}
	if err != nil {
		return "", "", nil, nil, err
	}
	untracked, err = s.files.KeptTree(ctx, on.ProjectID, row.Untracked)
	return tip, row.Untracked, tracked, untracked, err
}

func nameOf(on workspace.Branch) string {
	if on.Name == "" {
		return workspace.MainBranch
	}
	return on.Name
}

func within(p string, paths []string) bool {
	return slices.ContainsFunc(paths, func(at string) bool {
		at = strings.TrimSuffix(at, "/")
		return p == at || strings.HasPrefix(p, at+"/")
	})
}
