package workspace

import (
	"context"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/zeblit/zeblit/ent"
)

// measure is a commit as the tip of a branch. It looks at what tells its files from those of
// the branch near, or of main where that is gone: in a transaction, a large project's files
// are not to be listed.
func (w *Workspace) measure(ctx context.Context, c *ent.Client, near Branch, commit plumbing.Hash) (head, error) {
	objs := newObjects(ctx, c, w.packs, near.ProjectID)
	known, err := readHead(ctx, c, near.ProjectID, near.name(), false)
	if err == nil && known.hash.IsZero() {
		known, err = readHead(ctx, c, near.ProjectID, MainBranch, false)
	}
	if err != nil {
		return head{}, err
	}
	if known.files < 0 { // nobody has counted
		known = head{}
	}
	if known.hash == commit {
		return known, nil
	}
	var roots [2]plumbing.Hash
	for i, at := range []plumbing.Hash{known.hash, commit} {
		if at.IsZero() {
			continue
		}
		if roots[i], err = rootOf(objs, at); err != nil {
			return head{}, err
		}
	}
	found, err := compareTrees(objs, roots[0], roots[1])
	if err != nil {
		return head{}, err
	}
	p := &prepared{from: known, objs: objs}
	to, err := p.after(found)
	to.hash = commit
	return to, err
}
