package workspace

import (
	"context"
	"slices"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
)

const (
	// stowBatch is how many bytes of content one of Stow's transactions writes, or one file.
	stowBatch = 4 << 20
	// stowFrom is how many bytes of new content a batch doesn't compress while it holds its
	// branch.
	stowFrom = 256 << 10
)

// Stow writes content that nothing has yet. A change that names it by its revision is
// then quick to commit, however large it is: a transaction that holds the branch must not
// wait for a processor, nor others for all that it writes. What nothing has after a day is
// dropped. The viewer needs the role EDITOR.
func (w *Workspace) Stow(ctx context.Context, projectID string, contents []string) error {
	if err := access.RequireRole(ctx, w.db.Ent, projectID, enum.ProjectEditor); err != nil {
		return err
	}
	for len(contents) > 0 {
		objs, size := newObjects(ctx, w.db.Ent, w.packs, projectID), 0
		for size < stowBatch && len(contents) > 0 {
			if _, err := objs.addBlob(contents[0]); err != nil {
				return err
			}
			size += len(contents[0])
			contents = contents[1:]
		}
		if err := objs.pack(); err != nil {
			return err
		}
		err := w.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
			stored, err := objs.saveAlone(ctx, tx)
			if err != nil {
				return err
			}
			return w.quota.checkHistory(stored, true)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// stowed is a batch whose contents are written already where they are large. Where the
// project has no room for them nothing is done: it is told when they are committed.
func (w *Workspace) stowed(ctx context.Context, in Batch) (Batch, error) {
	var contents []string
	size := 0
	for _, o := range in.Operations {
		if o.Write != nil {
			contents, size = append(contents, o.Write.Content), size+len(o.Write.Content)
		}
	}
	if size < stowFrom {
		return in, nil
	}
	err := w.Stow(ctx, in.On.ProjectID, contents)
	switch {
	case problem.As(err) != nil:
		return in, nil //nolint:nilerr // the transaction that commits them says what is wrong
	case err != nil:
		return in, err
	}
	in.Operations = slices.Clone(in.Operations)
	for i, o := range in.Operations {
		if o.Write != nil {
			write := *o.Write
			write.stowed = blobHash(write.Content)
			in.Operations[i].Write = &write
		}
	}
	return in, nil
}
