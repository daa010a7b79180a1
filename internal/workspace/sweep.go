package workspace

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"entgo.io/ent/dialect/sql"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/gitobject"
	"github.com/zeblit/zeblit/ent/gitpackobject"
	"github.com/zeblit/zeblit/ent/gitref"
	"github.com/zeblit/zeblit/ent/gitstorage"
	"github.com/zeblit/zeblit/ent/predicate"
	"github.com/zeblit/zeblit/ent/project"
	"github.com/zeblit/zeblit/internal/store"
)

const (
	// keepUnreachable is how old an object must be before it is dropped when nothing refers
	// to it: what is about to be committed has no commit yet.
	keepUnreachable = 24 * time.Hour
	// maxReachable is how many objects a project may have for the unreachable ones to be
	// looked for: each takes about 100 bytes of memory.
	maxReachable = 1_000_000
)

// errTooManyObjects says that a project is too large to look through.
var errTooManyObjects = fmt.Errorf("the repository has more than %d objects", maxReachable)

// sweep drops the objects that are older than keepUnreachable and that no ref leads to, nor
// a younger object, and reports how many they were. Every ref of the project counts,
// whatever its name.
//
// Nothing can come to refer to them meanwhile: they are dropped while all refs are held
// as they were when they were looked at, and the project's row is held too, which
// whoever makes a ref or an object has to share. It is a few at a time, so that nobody
// waits for long; what is left when a ref moves is dropped the next time. Until then each
// commit that is still there has all that it leads to.
func (p *packer) sweep(ctx context.Context, now time.Time) (int, error) {
	refs, err := p.refs(ctx, p.db.Ent.GitRef.Query().Where(gitref.ProjectID(p.project)).All)
	if err != nil {
		return 0, err
	}
	old := now.Add(-keepUnreachable)
	reachable, err := p.reachable(ctx, slices.Collect(maps.Values(refs)), old)
	if err != nil {
		return 0, err
	}
	unreachable, err := p.unreachable(ctx, old, reachable)
	if err != nil {
		return 0, err
	}
	dropped := 0
	for part := range slices.Chunk(unreachable, rowBatch) {
		n := 0
		err := p.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
			if err := p.hold(ctx, tx, refs); err != nil {
				return err
			}
			n, err = p.drop(ctx, tx, part, old)
			return err
		})
		if err != nil {
			return dropped, err
		}
		dropped += n
	}
	return dropped, nil
}

// refs are the tips of all refs by name.
func (p *packer) refs(ctx context.Context, all func(context.Context) ([]*ent.GitRef, error)) (map[string]plumbing.Hash, error) {
	rows, err := all(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the refs of project %s: %w", p.project, err)
	}
	out := make(map[string]plumbing.Hash, len(rows))
	for _, row := range rows {
		out[row.Name] = plumbing.NewHash(row.Hash)
	}
	return out, nil
}

// hold makes sure that the refs are as they were and stay so until tx ends. The project
// comes first, as with those who claim a run or record a checkpoint. Those who write to a
// branch have it before the project: they are not waited for, since the ref is about to move.
func (p *packer) hold(ctx context.Context, tx *store.Tx, refs map[string]plumbing.Hash) error {
	whole := tx.Ent.Project.Query().Where(project.ID(p.project))
	query := tx.Ent.GitRef.Query().Where(gitref.ProjectID(p.project)).Order(gitref.ByID())
	if canLock(tx) {
		whole, query = whole.ForUpdate(), query.ForUpdate(sql.WithLockAction(sql.SkipLocked))
	}
	if _, err := whole.Only(ctx); err != nil {
		return fmt.Errorf("hold project %s: %w", p.project, err)
	}
	now, err := p.refs(ctx, query.All)
	if err != nil {
		return err
	}
	if !maps.Equal(refs, now) {
		return errOvertaken
	}
	return lockStorage(ctx, tx, p.project)
}

// unreachable lists the old objects that weren't reached, in an order in which they can be
// dropped one after the other: what refers to others comes before them.
func (p *packer) unreachable(ctx context.Context, old time.Time, reached map[plumbing.Hash]bool) (out []string, err error) {
	for _, kind := range []plumbing.ObjectType{plumbing.TagObject, plumbing.CommitObject, plumbing.TreeObject, plumbing.BlobObject} {
		loose, err := p.db.Ent.GitObject.Query().Where(gitobject.ProjectID(p.project), gitobject.Kind(int8(kind)), looseBefore(old)).
			Select(gitobject.FieldHash).Strings(ctx)
		if err != nil {
			return nil, fmt.Errorf("list git objects: %w", err)
		}
		packed, err := p.db.Ent.GitPackObject.Query().Where(gitpackobject.ProjectID(p.project), gitpackobject.Kind(int8(kind)), packedBefore(old)).
			Select(gitpackobject.FieldHash).Strings(ctx)
		if err != nil {
			return nil, fmt.Errorf("list packed git objects: %w", err)
		}
		both := slices.DeleteFunc(append(loose, packed...), func(name string) bool { return reached[plumbing.NewHash(name)] })
		slices.Sort(both)
		both = slices.Compact(both)
		if kind == plumbing.CommitObject {
			if both, err = p.childrenFirst(ctx, both); err != nil {
				return nil, err
			}
		}
		out = append(out, both...)
	}
	return out, nil
}

func looseBefore(old time.Time) predicate.GitObject {
	return gitobject.Or(gitobject.CreatedAtIsNil(), gitobject.CreatedAtLT(old))
}

func packedBefore(old time.Time) predicate.GitPackObject {
	return gitpackobject.Or(gitpackobject.CreatedAtIsNil(), gitpackobject.CreatedAtLT(old))
}

// childrenFirst puts each commit before its parents.
func (p *packer) childrenFirst(ctx context.Context, commits []string) ([]string, error) {
	objs := newObjects(ctx, p.db.Ent, p.packs, p.project)
	parents := make(map[string][]string, len(commits))
	children := map[string]int{}
	for part := range slices.Chunk(commits, rowBatch) {
		hashes := make([]plumbing.Hash, len(part))
		for i, name := range part {
			hashes[i] = plumbing.NewHash(name)
		}
		if err := objs.load(hashes...); err != nil {
			return nil, err
		}
		for i, name := range part {
			obj := objs.loaded[hashes[i]]
			if obj == nil {
				continue // another node has just dropped it
			}
			c, err := object.DecodeCommit(objs, obj)
			if err != nil {
				return nil, fmt.Errorf("read commit %s: %w", name, err)
			}
			for _, parent := range c.ParentHashes {
				parents[name] = append(parents[name], parent.String())
				children[parent.String()]++
			}
		}
		objs.forget()
	}
	listed := make(map[string]bool, len(commits))
	var out []string
	for _, name := range commits {
		listed[name] = true
		if children[name] == 0 {
			out = append(out, name)
		}
	}
	for i := 0; i < len(out); i++ {
		for _, parent := range parents[out[i]] {
			if children[parent]--; children[parent] == 0 && listed[parent] {
				out = append(out, parent)
			}
		}
	}
	return out, nil
}

// drop takes objects away, where they are old, and reports how many rows they had. A pack
// that is left with none goes when it is unpacked.
func (p *packer) drop(ctx context.Context, tx *store.Tx, part []string, old time.Time) (int, error) {
	loose := gitobject.And(gitobject.ProjectID(p.project), gitobject.HashIn(part...), looseBefore(old))
	var freed []struct {
		Bytes int64 `json:"bytes"`
	}
	err := tx.Ent.GitObject.Query().Where(loose).Aggregate(ent.As(total("length("+gitobject.FieldData+")"), "bytes")).Scan(ctx, &freed)
	if err != nil {
		return 0, fmt.Errorf("measure git objects: %w", err)
	}
	gone, err := tx.Ent.GitObject.Delete().Where(loose).Exec(ctx)
	if err != nil {
		return 0, fmt.Errorf("drop git objects: %w", err)
	}
	packed, err := tx.Ent.GitPackObject.Delete().
		Where(gitpackobject.ProjectID(p.project), gitpackobject.HashIn(part...), packedBefore(old)).Exec(ctx)
	if err != nil {
		return 0, fmt.Errorf("drop packed git objects: %w", err)
	}
	return gone + packed, tx.Ent.GitStorage.Update().Where(gitstorage.ProjectID(p.project)).
		AddBytes(-freed[0].Bytes).AddLoose(-gone).Exec(ctx)
}
