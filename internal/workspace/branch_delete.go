package workspace

import (
	"context"
	"fmt"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/gitref"
	"github.com/zeblit/zeblit/ent/merge"
	"github.com/zeblit/zeblit/ent/run"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
)

// DeleteBranch deletes a branch and returns the commit that it was at. The viewer needs
// the role EDITOR. The errors are those with the field "name": BAD_USER_INPUT for main,
// NOT_FOUND, and CONFLICT while something needs it.
func (w *Workspace) DeleteBranch(ctx context.Context, projectID, name string) (tip string, err error) {
	viewer, err := access.RequireViewer(ctx)
	if err != nil {
		return "", err
	}
	if name == MainBranch {
		return "", problem.BadField("name", "the main branch can't be deleted")
	}
	if err := CheckBranch(name); err != nil {
		return "", problem.Missing("name", "branch")
	}
	on := Branch{projectID, name}
	err = w.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := access.RequireRole(ctx, tx.Ent, projectID, enum.ProjectEditor); err != nil {
			return err
		}
		tip, err = w.DeleteBranchTx(ctx, tx, on, stream.Actor{UserID: viewer.UserID})
		return err
	})
	return tip, err
}

// DeleteBranchTx deletes a branch as a part of tx.
func (w *Workspace) DeleteBranchTx(ctx context.Context, tx *store.Tx, on Branch, by stream.Actor) (tip string, err error) {
	handle, err := access.StreamWriter(ctx, tx.Ent, on.ProjectID)
	if err != nil {
		return "", err
	}
	at, err := readHead(ctx, tx.Ent, on.ProjectID, on.Name, canLock(tx))
	if err != nil {
		return "", err
	}
	if at.hash.IsZero() {
		return "", problem.Missing("name", "branch")
	}
	if err := unneeded(ctx, tx.Ent, on); err != nil {
		return "", err
	}
	if _, err := tx.Ent.GitRef.Delete().Where(gitref.ProjectID(on.ProjectID), gitref.Name(refName(on.Name))).Exec(ctx); err != nil {
		return "", fmt.Errorf("delete branch %s: %w", on.Name, err)
	}
	w.log.Append(tx, handle, stream.Draft{Type: enum.EventBranchChanged, Payload: stream.BranchPayload{
		V: 1, Name: on.Name, Change: enum.FileDeleted, Actor: &by,
	}})
	return at.hash.String(), nil
}

// unneeded refuses to delete what something that is under way needs. It is asked with
// the branch's row locked.
func unneeded(ctx context.Context, c *ent.Client, on Branch) error {
	id, err := c.Run.Query().Where(run.ProjectID(on.ProjectID), run.Branch(on.name()),
		run.StateNotIn(enum.RunSucceeded, enum.RunFailed, enum.RunCancelled)).FirstID(ctx)
	switch {
	case err == nil:
		return &problem.Error{Code: problem.Conflict, Field: "name", Message: "run " + id + " works on this branch"}
	case !ent.IsNotFound(err):
		return fmt.Errorf("look for runs on branch %s: %w", on.name(), err)
	}
	id, err = c.Merge.Query().Where(merge.ProjectID(on.ProjectID), merge.Or(merge.Source(on.name()), merge.Target(on.name())),
		merge.StateNotIn(enum.MergeMerged, enum.MergeFailed, enum.MergeCancelled)).FirstID(ctx)
	switch {
	case err == nil:
		return &problem.Error{Code: problem.Conflict, Field: "name", Message: "merge " + id + " needs this branch: cancel it first"}
	case !ent.IsNotFound(err):
		return fmt.Errorf("look for merges of branch %s: %w", on.name(), err)
	}
	return nil
}
