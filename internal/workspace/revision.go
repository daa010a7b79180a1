package workspace

import (
	"context"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
)

// TreeOf is the revision of all files at ref, which changes when any of them does; "" while
// nothing was committed.
func (w *Workspace) TreeOf(ctx context.Context, projectID, ref string) (string, error) {
	return w.treeOf(ctx, w.db.Ent, projectID, ref)
}

// TreeOfTx is TreeOf as a part of tx.
func (w *Workspace) TreeOfTx(ctx context.Context, tx *store.Tx, projectID, ref string) (string, error) {
	return w.treeOf(ctx, tx.Ent, projectID, ref)
}

func (w *Workspace) treeOf(ctx context.Context, c *ent.Client, projectID, ref string) (string, error) {
	_, root, err := w.open(ctx, c, projectID, ref)
	if err != nil || root.IsZero() {
		return "", err
	}
	return root.String(), nil
}

// RevisionTx is the revision of one file at ref, as a part of tx. The errors are those of
// File.
func (w *Workspace) RevisionTx(ctx context.Context, tx *store.Tx, projectID, path, ref string) (string, error) {
	if err := CheckPath(path); err != nil {
		return "", err
	}
	objs, root, err := w.open(ctx, tx.Ent, projectID, ref)
	if err != nil {
		return "", err
	}
	_, named, err := (&sketch{objs: objs, root: root}).named(path)
	if err != nil {
		return "", err
	}
	if !named.exists() {
		return "", problem.Missing("path", "file")
	}
	return named.entry.Hash.String(), nil
}

// RequireBranch is NOT_FOUND with the field "branch" where there is no such branch. Main is
// always there.
func (w *Workspace) RequireBranch(ctx context.Context, tx *store.Tx, on Branch) error {
	if on.name() == MainBranch {
		return nil
	}
	at, err := readHead(ctx, tx.Ent, on.ProjectID, on.name(), false)
	if err == nil && at.hash.IsZero() {
		err = problem.Missing("branch", "branch")
	}
	return err
}
