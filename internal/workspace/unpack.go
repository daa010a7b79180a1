package workspace

import (
	"context"
	"fmt"
	"time"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/gitobject"
	"github.com/zeblit/zeblit/ent/gitpack"
	"github.com/zeblit/zeblit/ent/gitpackobject"
	"github.com/zeblit/zeblit/ent/gitstorage"
	"github.com/zeblit/zeblit/internal/store"
)

// unpack makes one pack of which most was dropped loose again, so that the next one is
// made of what is left. It reports whether there was one.
func (p *packer) unpack(ctx context.Context) (bool, error) {
	packs, err := p.db.Ent.GitPack.Query().Where(gitpack.ProjectID(p.project)).
		Select(gitpack.FieldID, gitpack.FieldObjects, gitpack.FieldStored).All(ctx)
	if err != nil {
		return false, fmt.Errorf("list packs: %w", err)
	}
	for _, pack := range packs {
		left, err := p.db.Ent.GitPackObject.Query().Where(gitpackobject.PackID(pack.ID)).Count(ctx)
		if err != nil {
			return false, fmt.Errorf("look into pack %s: %w", pack.ID, err)
		}
		if left*2 < pack.Objects {
			return true, p.loosen(ctx, pack)
		}
	}
	return false, nil
}

// loosen makes all objects of a pack loose, a few at a time, and then drops it. What was
// made loose stays so where it is interrupted, and the rest is made so the next time.
func (p *packer) loosen(ctx context.Context, pack *ent.GitPack) error {
	objs := newObjects(ctx, p.db.Ent, p.packs, p.project)
	for {
		places, err := p.db.Ent.GitPackObject.Query().Where(gitpackobject.PackID(pack.ID)).
			Order(gitpackobject.ByID()).Limit(rowBatch).All(ctx)
		if err != nil {
			return fmt.Errorf("look into pack %s: %w", pack.ID, err)
		}
		if len(places) == 0 {
			return p.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error { return p.dropEmpty(ctx, tx, pack) })
		}
		rows, err := inflated(objs, pack.ID, places)
		if err != nil {
			return err
		}
		if err := p.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error { return p.takeOut(ctx, tx, places, rows) }); err != nil {
			return err
		}
	}
}

// inflated reads objects of a pack as rows of their own have them.
func inflated(objs *objects, packID string, places []*ent.GitPackObject) ([][]byte, error) {
	pack, err := objs.openPack(packID)
	if ent.IsNotFound(err) {
		return nil, errOvertaken
	}
	if err != nil {
		return nil, err
	}
	out := make([][]byte, len(places))
	for i, place := range places {
		found, err := readPacked(pack, place)
		if err != nil {
			return nil, err
		}
		if out[i], err = deflated(found); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// takeOut writes what was in a pack into rows of its own, unless somebody else has dropped
// or moved some of it meanwhile.
func (p *packer) takeOut(ctx context.Context, tx *store.Tx, places []*ent.GitPackObject, data [][]byte) error {
	if err := lockStorage(ctx, tx, p.project); err != nil {
		return err
	}
	ids, names := make([]int, len(places)), make([]string, len(places))
	for i, place := range places {
		ids[i], names[i] = place.ID, place.Hash
	}
	gone, err := tx.Ent.GitPackObject.Delete().Where(gitpackobject.IDIn(ids...)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("take objects out of a pack: %w", err)
	}
	if gone != len(ids) {
		return errOvertaken
	}
	loose, err := tx.Ent.GitObject.Query().Where(gitobject.ProjectID(p.project), gitobject.HashIn(names...)).
		Select(gitobject.FieldHash).Strings(ctx)
	if err != nil {
		return fmt.Errorf("look for git objects: %w", err)
	}
	there := map[string]bool{}
	for _, name := range loose {
		there[name] = true
	}
	bytes, rows := int64(0), []*ent.GitObjectCreate(nil)
	for i, place := range places {
		if there[place.Hash] {
			continue
		}
		when := time.Unix(0, 0).UTC()
		if place.CreatedAt != nil {
			when = *place.CreatedAt
		}
		rows = append(rows, tx.Ent.GitObject.Create().SetProjectID(p.project).SetHash(place.Hash).SetKind(place.Kind).
			SetSize(place.Size).SetData(data[i]).SetCreatedAt(when))
		bytes += int64(len(data[i]))
	}
	if len(rows) > 0 {
		if err := tx.Ent.GitObject.CreateBulk(rows...).Exec(ctx); err != nil {
			return fmt.Errorf("write git objects: %w", err)
		}
	}
	return tx.Ent.GitStorage.Update().Where(gitstorage.ProjectID(p.project)).AddBytes(bytes).AddLoose(len(rows)).Exec(ctx)
}

// dropEmpty drops a pack that none of the project's objects is in.
func (p *packer) dropEmpty(ctx context.Context, tx *store.Tx, pack *ent.GitPack) error {
	if err := lockStorage(ctx, tx, p.project); err != nil {
		return err
	}
	used, err := tx.Ent.GitPackObject.Query().Where(gitpackobject.PackID(pack.ID)).Exist(ctx)
	if err != nil {
		return fmt.Errorf("look into pack %s: %w", pack.ID, err)
	}
	if used {
		return errOvertaken
	}
	gone, err := tx.Ent.GitPack.Delete().Where(gitpack.ID(pack.ID)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("drop pack %s: %w", pack.ID, err)
	}
	return tx.Ent.GitStorage.Update().Where(gitstorage.ProjectID(p.project)).AddBytes(-pack.Stored * int64(gone)).Exec(ctx)
}
