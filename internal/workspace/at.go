package workspace

import (
	"context"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/zeblit/zeblit/internal/store"
)

// AtTx is the last commit on a branch's own line that is not younger than a time, going
// back from the commit tip; "" where there is none. Commits keep whole seconds, so one of
// the same second counts as older. The caller has checked that it may be.
func (w *Workspace) AtTx(ctx context.Context, tx *store.Tx, projectID, tip string, when time.Time) (string, error) {
	line := &trail{objs: newObjects(ctx, tx.Ent, w.packs, projectID)}
	for hash := plumbing.NewHash(tip); !hash.IsZero(); {
		c, err := line.commit(hash)
		if err != nil {
			return "", err
		}
		if !c.Committer.When.After(when) {
			return hash.String(), nil
		}
		if len(c.ParentHashes) == 0 {
			break
		}
		hash = c.ParentHashes[0]
	}
	return "", nil
}
