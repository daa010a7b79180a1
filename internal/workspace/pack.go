package workspace

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/gitpack"
	"github.com/zeblit/zeblit/ent/gitpackobject"
)

const (
	// cachedPacks is how many bytes of packs a node keeps.
	cachedPacks = 64 << 20
	// cachedBases is how many bytes of inflated objects a call keeps of each pack.
	cachedBases = 8 << 20
)

// eachPacked is each for objects that have no row of their own; it returns those that are
// in no pack either. Between looking up an object's pack and reading it the pack may have
// been replaced by another, or by loose objects: then the object is looked up again.
func (o *objects) eachPacked(hashes []string, fn func(stored) error) (left []string, err error) {
	for range 3 {
		places, err := o.places(hashes)
		if err != nil {
			return nil, err
		}
		slices.SortFunc(places, func(a, b *ent.GitPackObject) int { return bytes.Compare([]byte(a.PackID), []byte(b.PackID)) })
		found, again := make(map[string]bool, len(places)), []string(nil)
		for _, p := range places {
			found[p.Hash] = true
			pack, err := o.openPack(p.PackID)
			if ent.IsNotFound(err) {
				again = append(again, p.Hash)
				continue
			}
			if err != nil {
				return nil, err
			}
			object, err := readPacked(pack, p)
			if err != nil {
				return nil, err
			}
			if err := fn(object); err != nil {
				return nil, err
			}
		}
		left = append(left, without(hashes, found)...)
		if len(again) == 0 {
			return left, nil
		}
		hashes = again
	}
	return nil, fmt.Errorf("packs of project %s are replaced all the time", o.project)
}

func (o *objects) places(hashes []string) ([]*ent.GitPackObject, error) {
	if len(hashes) == 0 {
		return nil, nil
	}
	places, err := o.client.GitPackObject.Query().
		Where(gitpackobject.ProjectID(o.project), gitpackobject.HashIn(hashes...)).All(o.ctx)
	if err != nil {
		return nil, fmt.Errorf("look for packed git objects: %w", err)
	}
	return places, nil
}

// openPack makes a pack ready for this call: go-git's reader is for one goroutine.
func (o *objects) openPack(id string) (*packfile.Packfile, error) {
	if pack := o.opened[id]; pack != nil {
		return pack, nil
	}
	data, err := o.packs.get(o.ctx, o.client, o.project, id)
	if err != nil {
		return nil, err
	}
	pack := packfile.NewPackfileWithCache(data.index, nil, packReader{Reader: bytes.NewReader(data.data), name: id}, cache.NewObjectLRU(cachedBases), 0)
	o.opened[id] = pack
	return pack, nil
}

func readPacked(pack *packfile.Packfile, p *ent.GitPackObject) (_ stored, err error) {
	hash := plumbing.NewHash(p.Hash)
	obj, err := pack.Get(hash)
	if err != nil {
		return stored{}, fmt.Errorf("read git object %s of pack %s: %w", p.Hash, p.PackID, err)
	}
	r, err := obj.Reader()
	if err != nil {
		return stored{}, err
	}
	content, err := io.ReadAll(r)
	if err != nil {
		return stored{}, err
	}
	if int64(len(content)) != p.Size || obj.Type() != plumbing.ObjectType(p.Kind) {
		return stored{}, fmt.Errorf("git object %s of pack %s is not what its index says", p.Hash, p.PackID)
	}
	return stored{hash, obj.Type(), content}, r.Close()
}

// packReader is a pack in memory as go-git wants files.
type packReader struct {
	*bytes.Reader
	billy.File
	name string
}

func (r packReader) Name() string                           { return r.name }
func (r packReader) Read(p []byte) (int, error)             { return r.Reader.Read(p) }
func (r packReader) ReadAt(p []byte, at int64) (int, error) { return r.Reader.ReadAt(p, at) }
func (r packReader) Seek(offset int64, whence int) (int64, error) {
	return r.Reader.Seek(offset, whence)
}
func (r packReader) Close() error { return nil }

// packData is a pack that was read. It isn't changed afterwards.
type packData struct {
	id    string
	data  []byte
	index *idxfile.MemoryIndex
}

// packCache keeps the packs that were used last, up to cachedPacks bytes of them. Who
// asks for a pack has found it in the index with their own rights.
type packCache struct {
	mu    sync.Mutex
	size  int
	order []*packData // the one used last is at the end
}

func newPackCache() *packCache { return &packCache{} }

func (c *packCache) get(ctx context.Context, client *ent.Client, projectID, id string) (*packData, error) {
	if data := c.find(id); data != nil {
		return data, nil
	}
	row, err := client.GitPack.Query().Where(gitpack.ID(id), gitpack.ProjectID(projectID)).Only(ctx)
	if err != nil {
		return nil, fmt.Errorf("read pack %s: %w", id, err)
	}
	data := &packData{id: id, data: row.Data, index: idxfile.NewMemoryIndex()}
	if err := idxfile.NewDecoder(bytes.NewReader(row.Index)).Decode(data.index); err != nil {
		return nil, fmt.Errorf("read the index of pack %s: %w", id, err)
	}
	c.keep(data)
	return data, nil
}

func (c *packCache) find(id string) *packData {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.order, func(d *packData) bool { return d.id == id })
	if i < 0 {
		return nil
	}
	data := c.order[i]
	c.order = append(slices.Delete(c.order, i, i+1), data)
	return data
}

func (c *packCache) keep(data *packData) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if slices.ContainsFunc(c.order, func(d *packData) bool { return d.id == data.id }) {
		return
	}
	c.order = append(c.order, data)
	c.size += len(data.data)
	for c.size > cachedPacks && len(c.order) > 1 {
		c.size -= len(c.order[0].data)
		c.order = slices.Delete(c.order, 0, 1)
	}
}
