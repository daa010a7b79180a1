package workspace

import (
	"fmt"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// trail reads commits and what one path is in them. It lets go of what it has read now
// and then, so that a long history is never in memory as a whole.
type trail struct {
	objs *objects
	read int
}

// forgetEvery is after how many commits what was read is let go.
const forgetEvery = 500

// commit reads one commit.
func (t *trail) commit(hash plumbing.Hash) (*object.Commit, error) {
	if t.read++; t.read%forgetEvery == 0 {
		t.objs.forget()
	}
	c, err := object.GetCommit(t.objs, hash)
	if err != nil {
		return nil, fmt.Errorf("read commit %s: %w", hash, err)
	}
	return c, nil
}

// at is the file at path in a commit; without a hash when there is none.
func (t *trail) at(c *object.Commit, path string) (object.TreeEntry, error) {
	entry, ok, err := find(t.objs, c.TreeHash, path)
	if err != nil || !ok || !isFile(entry.Mode) {
		return object.TreeEntry{}, err
	}
	return entry, nil
}

// parents reads the parents of a commit.
func (t *trail) parents(c *object.Commit) ([]*object.Commit, error) {
	if err := t.objs.load(c.ParentHashes...); err != nil {
		return nil, err
	}
	var out []*object.Commit
	for _, hash := range c.ParentHashes {
		p, err := t.commit(hash)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// origin is where in a parent the file of a commit came from: the same path, or, where
// the parent has no such file, one with equal content that the commit has taken away.
// Without a hash the file is new.
func (t *trail) origin(c, parent *object.Commit, path string, entry object.TreeEntry) (string, object.TreeEntry, error) {
	before, err := t.at(parent, path)
	if err != nil || !before.Hash.IsZero() {
		return path, before, err
	}
	changed, err := compareTrees(t.objs, parent.TreeHash, c.TreeHash)
	if err != nil {
		return "", object.TreeEntry{}, err
	}
	i := slices.IndexFunc(changed, func(d difference) bool { return d.after.Hash.IsZero() && d.before.Hash == entry.Hash })
	if i < 0 {
		return "", object.TreeEntry{}, nil
	}
	return changed[i].path, changed[i].before, nil
}
