package command

import (
	"context"
	"maps"
	"slices"

	"entgo.io/ent/dialect"

	"github.com/zeblit/zeblit/ent"
	entworktree "github.com/zeblit/zeblit/ent/worktree"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/workspace"
)

// The files beside a branch are a tree in its worktree's row: what the folder in the
// sandbox is to have. A host knows which of these trees the folder has got, since somebody
// may have put another there: one that goes back to a checkpoint.

// rowOf is a branch's row, which is made where there is none, held until tx ends.
//
// Whoever records files takes rows in this order, so that no two wait for each other: the
// command's or the sandbox's, the worktree's, those of branches and hidden refs, and what
// the project's repository takes. The last two are what writing to the workspace takes.
func rowOf(ctx context.Context, tx *store.Tx, projectID, branch string) (*ent.Worktree, error) {
	err := tx.Ent.Worktree.Create().SetProjectID(projectID).SetBranch(branch).
		OnConflictColumns(entworktree.FieldProjectID, entworktree.FieldBranch).Ignore().Exec(ctx)
	if err != nil {
		return nil, err
	}
	q := tx.Ent.Worktree.Query().Where(entworktree.ProjectID(projectID), entworktree.Branch(branch))
	if tx.Dialect == dialect.Postgres {
		q.ForUpdate()
	}
	return q.Only(ctx)
}

// keepUntracked records the ignored files of a folder. What was restored since the folder
// got its files is kept too, except for what processes have changed after that: the
// folder gets it before the next command.
func (h *Host) keepUntracked(person, ctx context.Context, tx *store.Tx, row *ent.Worktree, on workspace.Branch, c *change) error {
	files, restored := c.untracked, row.Untracked != c.w.beside
	if restored {
		theirs, err := h.files.KeptTreeTx(person, tx, on.ProjectID, row.Untracked)
		if err != nil {
			return err
		}
		files = c.onto(byPath(theirs))
	}
	tree, err := h.files.KeepUntracked(person, tx, on, files)
	if err != nil {
		return err
	}
	held := tree
	if restored {
		held = c.w.beside
	}
	tx.AfterCommit(func() { c.w.beside = held })
	return tx.Ent.Worktree.UpdateOne(row).SetUntracked(tree).SetHeld(held).Exec(ctx)
}

// onto makes what changed in the folder a change of other files.
func (c *change) onto(theirs map[string]workspace.Entry) []workspace.Content {
	mine, out := map[string]workspace.Content{}, map[string]workspace.Content{}
	for _, f := range c.untracked {
		mine[f.Path] = f
	}
	for p, e := range theirs {
		out[p] = workspace.Content{Entry: e}
	}
	for p, f := range mine {
		if c.w.files[p] != f.Entry {
			out[p] = f
		}
	}
	for p := range c.w.files {
		_, tracked := c.w.tracked[p]
		if _, there := mine[p]; !there && !tracked {
			delete(out, p)
		}
	}
	return inOrder(out)
}

// inOrder leaves out files that stand where another needs a folder.
func inOrder(files map[string]workspace.Content) []workspace.Content {
	entries := make(map[string]workspace.Entry, len(files))
	for p, f := range files {
		entries[p] = f.Entry
	}
	out := make([]workspace.Content, 0, len(files))
	for _, p := range slices.Sorted(maps.Keys(files)) {
		if !belowFile(entries, p) {
			out = append(out, files[p])
		}
	}
	return out
}
