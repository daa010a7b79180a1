package workspace

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/gitobject"
	"github.com/zeblit/zeblit/ent/gitpack"
	"github.com/zeblit/zeblit/ent/gitpackobject"
	"github.com/zeblit/zeblit/ent/gitstorage"
	"github.com/zeblit/zeblit/ent/project"
	"github.com/zeblit/zeblit/internal/store"
)

const (
	// packObjects and packBytes, inflated, are how much one pack is made of: what it takes
	// to make one, and to read one object of it, stays small.
	packObjects = 4000
	packBytes   = 8 << 20
	// maxPacked is the largest object that goes into a pack, inflated. Larger ones gain
	// little, and would have to be read with all others.
	maxPacked = 512 << 10
	// minPacked is how many objects are worth a pack.
	minPacked = 50
	// packWindow is how many objects each is compared with, for deltas.
	packWindow = 10
)

// errOvertaken says that somebody else has packed, or dropped, the same objects.
var errOvertaken = errors.New("the objects have moved in the meantime")

// packer moves a project's loose objects into packs. What it does is invisible: an
// object's row goes in the transaction that says where it is in its pack. The pack comes
// with the first of its objects, and the others follow, so that nobody waits for all of
// them. Where that is interrupted, a pack that has less than half of what it was made of
// is unpacked, and of another one the rest is in the next pack too.
type packer struct {
	db      *store.DB
	packs   *packCache
	project string
}

// candidate is a loose object that a pack is made of.
type candidate struct {
	row     *ent.GitObject
	content []byte
}

// pack makes one pack and reports how many objects went into it; 0 when there are too
// few.
func (p *packer) pack(ctx context.Context) (int, error) {
	chosen, err := p.choose(ctx)
	if err != nil || len(chosen) < minPacked {
		return 0, err
	}
	data, index, err := encode(chosen)
	if err != nil {
		return 0, fmt.Errorf("make a pack of project %s: %w", p.project, err)
	}
	pack := ""
	for part := range slices.Chunk(chosen, rowBatch) {
		err := p.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
			if err := lockStorage(ctx, tx, p.project); err != nil {
				return err
			}
			if pack == "" {
				pack, err = p.bring(ctx, tx, len(chosen), data, index)
			} else {
				err = p.stillThere(ctx, tx, pack)
			}
			if err != nil {
				return err
			}
			return p.exchange(ctx, tx, pack, part)
		})
		if err != nil {
			return 0, err
		}
	}
	return len(chosen), nil
}

// choose reads loose objects for one pack: of one kind after the other, and of those the
// oldest first, so that the versions of a file are in one pack.
func (p *packer) choose(ctx context.Context) ([]candidate, error) {
	rows, err := p.db.Ent.GitObject.Query().
		Where(gitobject.ProjectID(p.project), gitobject.SizeLTE(maxPacked)).
		Order(gitobject.ByKind(), gitobject.ByID()).Limit(packObjects).
		Select(gitobject.FieldID, gitobject.FieldHash, gitobject.FieldKind, gitobject.FieldSize).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("choose objects to pack: %w", err)
	}
	size := int64(0)
	for i, row := range rows {
		if size += row.Size; size > packBytes {
			rows = rows[:i]
			break
		}
	}
	var chosen []candidate
	for part := range slices.Chunk(rows, rowBatch) {
		ids := make([]int, len(part))
		for i, row := range part {
			ids[i] = row.ID
		}
		whole, err := p.db.Ent.GitObject.Query().Where(gitobject.IDIn(ids...)).All(ctx)
		if err != nil {
			return nil, fmt.Errorf("read objects to pack: %w", err)
		}
		for _, row := range whole {
			content, err := inflate(row)
			if err != nil {
				return nil, err
			}
			chosen = append(chosen, candidate{row, content})
		}
	}
	return chosen, nil
}

// encode writes a pack and its index, and reads every object back.
func encode(chosen []candidate) (data, index []byte, err error) {
	source := newObjects(context.Background(), nil, nil, "") // all that is asked for is there
	hashes := make([]plumbing.Hash, len(chosen))
	for i, c := range chosen {
		obj := &plumbing.MemoryObject{}
		obj.SetType(plumbing.ObjectType(c.row.Kind))
		if _, err := obj.Write(c.content); err != nil {
			return nil, nil, err
		}
		if hashes[i] = obj.Hash(); hashes[i].String() != c.row.Hash {
			return nil, nil, fmt.Errorf("git object %s is damaged", c.row.Hash)
		}
		source.loaded[hashes[i]] = obj
	}
	var out, idx bytes.Buffer
	if _, err := packfile.NewEncoder(&out, source, false).Encode(hashes, packWindow); err != nil {
		return nil, nil, err
	}
	writer := new(idxfile.Writer)
	parser, err := packfile.NewParser(packfile.NewScanner(bytes.NewReader(out.Bytes())), writer)
	if err != nil {
		return nil, nil, err
	}
	if _, err := parser.Parse(); err != nil {
		return nil, nil, err
	}
	memory, err := writer.Index()
	if err != nil {
		return nil, nil, err
	}
	if _, err := idxfile.NewEncoder(&idx).Encode(memory); err != nil {
		return nil, nil, err
	}
	return out.Bytes(), idx.Bytes(), verify(chosen, out.Bytes(), memory)
}

// verify reads a pack as readers will.
func verify(chosen []candidate, data []byte, index *idxfile.MemoryIndex) error {
	pack := packfile.NewPackfileWithCache(index, nil, packReader{Reader: bytes.NewReader(data)}, cache.NewObjectLRU(cachedBases), 0)
	for _, c := range chosen {
		found, err := readPacked(pack, &ent.GitPackObject{Hash: c.row.Hash, Kind: c.row.Kind, Size: c.row.Size})
		if err != nil {
			return err
		}
		if !bytes.Equal(found.content, c.content) {
			return fmt.Errorf("git object %s is not what was packed", c.row.Hash)
		}
	}
	return nil
}

// bring writes a pack that none of the project's objects is in yet.
func (p *packer) bring(ctx context.Context, tx *store.Tx, objects int, data, index []byte) (id string, err error) {
	stored := int64(len(data) + len(index))
	pack, err := tx.Ent.GitPack.Create().SetProjectID(p.project).SetObjects(objects).
		SetStored(stored).SetData(data).SetIndex(index).Save(ctx)
	if err != nil {
		return "", fmt.Errorf("write a pack: %w", err)
	}
	return pack.ID, tx.Ent.GitStorage.Update().Where(gitstorage.ProjectID(p.project)).AddBytes(stored).Exec(ctx)
}

// stillThere makes sure that no other node has unpacked a pack that isn't full yet.
func (p *packer) stillThere(ctx context.Context, tx *store.Tx, id string) error {
	there, err := tx.Ent.GitPack.Query().Where(gitpack.ID(id)).Exist(ctx)
	if err != nil {
		return fmt.Errorf("look for pack %s: %w", id, err)
	}
	if !there {
		return errOvertaken
	}
	return nil
}

// exchange says of loose objects that they are in a pack, and takes them away.
func (p *packer) exchange(ctx context.Context, tx *store.Tx, pack string, part []candidate) error {
	freed, rows := int64(0), []*ent.GitPackObjectCreate(nil)
	ids := make([]int, len(part))
	hashes := make([]string, len(part))
	for i, c := range part {
		freed += int64(len(c.row.Data))
		ids[i], hashes[i] = c.row.ID, c.row.Hash
	}
	// A writer who looked just before an older pack came may have written objects of it again.
	packed, err := tx.Ent.GitPackObject.Query().Where(gitpackobject.ProjectID(p.project), gitpackobject.HashIn(hashes...)).
		Select(gitpackobject.FieldHash).Strings(ctx)
	if err != nil {
		return fmt.Errorf("look for packed git objects: %w", err)
	}
	for _, c := range part {
		if slices.Contains(packed, c.row.Hash) {
			continue
		}
		rows = append(rows, tx.Ent.GitPackObject.Create().SetProjectID(p.project).SetPackID(pack).
			SetHash(c.row.Hash).SetKind(c.row.Kind).SetSize(c.row.Size).SetNillableCreatedAt(c.row.CreatedAt))
	}
	if len(rows) > 0 {
		if err := tx.Ent.GitPackObject.CreateBulk(rows...).Exec(ctx); err != nil {
			return fmt.Errorf("index a pack: %w", err)
		}
	}
	gone, err := tx.Ent.GitObject.Delete().Where(gitobject.IDIn(ids...)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("take packed objects away: %w", err)
	}
	if gone != len(part) {
		return errOvertaken
	}
	return tx.Ent.GitStorage.Update().Where(gitstorage.ProjectID(p.project)).AddBytes(-freed).AddLoose(-len(part)).Exec(ctx)
}

// lockStorage lets one at a time rearrange a project's objects. The project's row comes
// first, which writing objects needs too.
func lockStorage(ctx context.Context, tx *store.Tx, projectID string) error {
	query := tx.Ent.GitStorage.Query().Where(gitstorage.ProjectID(projectID))
	if canLock(tx) {
		query = query.ForUpdate()
		if _, err := tx.Ent.Project.Query().Where(project.ID(projectID)).ForShare().Only(ctx); err != nil {
			return fmt.Errorf("hold project %s: %w", projectID, err)
		}
	}
	if _, err := query.Only(ctx); err != nil {
		return fmt.Errorf("hold the storage of project %s: %w", projectID, err)
	}
	return nil
}
