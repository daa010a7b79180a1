package workspace

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/zeblit/zeblit/ent/gitobject"
	"github.com/zeblit/zeblit/ent/gitpackobject"
)

// reachable is every object that tips lead to, or a commit or folder that is not old: what
// was made of late may get a ref yet.
func (p *packer) reachable(ctx context.Context, tips []plumbing.Hash, old time.Time) (map[plumbing.Hash]bool, error) {
	seen := map[plumbing.Hash]bool{}
	if err := p.walk(ctx, seen, tips, true); err != nil {
		return nil, err
	}
	young, err := p.young(ctx, old)
	if err != nil {
		return nil, err
	}
	return seen, p.walk(ctx, seen, young, false)
}

// young lists the commits and folders that are not old.
func (p *packer) young(ctx context.Context, old time.Time) ([]plumbing.Hash, error) {
	kinds := []int8{int8(plumbing.TagObject), int8(plumbing.CommitObject), int8(plumbing.TreeObject)}
	loose, err := p.db.Ent.GitObject.Query().
		Where(gitobject.ProjectID(p.project), gitobject.KindIn(kinds...), gitobject.CreatedAtGTE(old)).
		Select(gitobject.FieldHash).Strings(ctx)
	if err != nil {
		return nil, fmt.Errorf("list young git objects: %w", err)
	}
	packed, err := p.db.Ent.GitPackObject.Query().
		Where(gitpackobject.ProjectID(p.project), gitpackobject.KindIn(kinds...), gitpackobject.CreatedAtGTE(old)).
		Select(gitpackobject.FieldHash).Strings(ctx)
	if err != nil {
		return nil, fmt.Errorf("list young packed git objects: %w", err)
	}
	var out []plumbing.Hash
	for _, name := range append(loose, packed...) {
		out = append(out, plumbing.NewHash(name))
	}
	return out, nil
}

// walk adds to seen what the objects lead to. Of whole ones nothing may be missing; of
// others, something that they lead to may have been dropped before.
func (p *packer) walk(ctx context.Context, seen map[plumbing.Hash]bool, from []plumbing.Hash, whole bool) error {
	objs := newObjects(ctx, p.db.Ent, p.packs, p.project)
	open := slices.Clone(from)
	reach := func(hash plumbing.Hash) {
		if !seen[hash] {
			open = append(open, hash)
		}
	}
	for len(open) > 0 {
		if len(seen) > maxReachable {
			return errTooManyObjects
		}
		n := min(len(open), rowBatch)
		part := slices.Clone(open[len(open)-n:])
		open = open[:len(open)-n]
		part = slices.DeleteFunc(part, func(h plumbing.Hash) bool { return seen[h] })
		if err := objs.load(part...); err != nil {
			return err
		}
		for _, hash := range part {
			if seen[hash] {
				continue
			}
			seen[hash] = true
			obj := objs.loaded[hash]
			if obj == nil && whole {
				return objs.lost(hash)
			}
			if obj == nil {
				continue
			}
			switch obj.Type() {
			case plumbing.CommitObject:
				c, err := object.DecodeCommit(objs, obj)
				if err != nil {
					return fmt.Errorf("read commit %s: %w", hash, err)
				}
				reach(c.TreeHash)
				for _, parent := range c.ParentHashes {
					reach(parent)
				}
			case plumbing.TreeObject:
				tree, err := object.DecodeTree(objs, obj)
				if err != nil {
					return fmt.Errorf("read folder %s: %w", hash, err)
				}
				for _, e := range tree.Entries {
					switch {
					case e.Mode == filemode.Dir:
						reach(e.Hash)
					case isFile(e.Mode):
						seen[e.Hash] = true
					}
				}
			}
		}
		objs.forget()
	}
	return nil
}
