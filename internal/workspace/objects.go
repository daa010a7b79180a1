package workspace

import (
	"bytes"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/storer"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/gitobject"
)

const (
	// rowBatch is how many objects one statement reads or writes.
	rowBatch = 200
	// contentBatch is how many whole files are in memory at once in a listing.
	contentBatch = 16
	// writeBatch is how many bytes of content make a statement full.
	writeBatch = 1 << 20
)

// objects is one project's object store as go-git sees it, for the time of one
// call. What is read or set stays in memory; what is set reaches the database
// with pack and save.
type objects struct {
	// ctx is kept because go-git's interface passes none.
	ctx     context.Context
	client  *ent.Client
	project string
	loaded  map[plumbing.Hash]plumbing.EncodedObject
	added   map[plumbing.Hash]plumbing.EncodedObject
	packed  map[plumbing.Hash][]byte
}

var _ storer.EncodedObjectStorer = (*objects)(nil)

func newObjects(ctx context.Context, client *ent.Client, projectID string) *objects {
	return &objects{
		ctx: ctx, client: client, project: projectID,
		loaded: map[plumbing.Hash]plumbing.EncodedObject{},
		added:  map[plumbing.Hash]plumbing.EncodedObject{},
		packed: map[plumbing.Hash][]byte{},
	}
}

// load reads ahead, in few statements, what is about to be asked for. Objects
// that don't exist are passed over.
func (o *objects) load(hashes ...plumbing.Hash) error {
	var missing []plumbing.Hash
	for _, h := range hashes {
		if o.loaded[h] == nil && !h.IsZero() {
			missing = append(missing, h)
		}
	}
	return o.each(missing, func(row *ent.GitObject) error {
		content, err := inflate(row)
		if err != nil {
			return err
		}
		obj := &plumbing.MemoryObject{}
		obj.SetType(plumbing.ObjectType(row.Kind))
		if _, err := obj.Write(content); err != nil {
			return err
		}
		o.loaded[plumbing.NewHash(row.Hash)] = obj
		return nil
	})
}

// each calls fn with the row of every hash that exists, in no order.
func (o *objects) each(hashes []plumbing.Hash, fn func(*ent.GitObject) error) error {
	for part := range slices.Chunk(names(hashes), rowBatch) {
		rows, err := o.query(part).All(o.ctx)
		if err != nil {
			return fmt.Errorf("read git objects: %w", err)
		}
		for _, row := range rows {
			if err := fn(row); err != nil {
				return err
			}
		}
	}
	return nil
}

// sizes tells how many bytes each object that exists has, without reading it.
func (o *objects) sizes(hashes []plumbing.Hash) (map[plumbing.Hash]int64, error) {
	out := make(map[plumbing.Hash]int64, len(hashes))
	for part := range slices.Chunk(names(hashes), rowBatch) {
		rows, err := o.query(part).Select(gitobject.FieldHash, gitobject.FieldSize).All(o.ctx)
		if err != nil {
			return nil, fmt.Errorf("read sizes of git objects: %w", err)
		}
		for _, row := range rows {
			out[plumbing.NewHash(row.Hash)] = row.Size
		}
	}
	return out, nil
}

func (o *objects) exists(kind plumbing.ObjectType, hash plumbing.Hash) (bool, error) {
	found, err := o.query([]string{hash.String()}).Where(gitobject.Kind(int8(kind))).Exist(o.ctx)
	if err != nil {
		return false, fmt.Errorf("look for git object: %w", err)
	}
	return found, nil
}

func (o *objects) query(hashes []string) *ent.GitObjectQuery {
	return o.client.GitObject.Query().Where(gitobject.ProjectID(o.project), gitobject.HashIn(hashes...))
}

// content reads an object that must be there.
func (o *objects) content(kind plumbing.ObjectType, hash plumbing.Hash) (_ []byte, err error) {
	obj, err := o.EncodedObject(kind, hash)
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return nil, o.lost(hash)
	}
	if err != nil {
		return nil, err
	}
	r, err := obj.Reader()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return io.ReadAll(r)
}

func (o *objects) lost(hash plumbing.Hash) error {
	return fmt.Errorf("git object %s of project %s: %w", hash, o.project, plumbing.ErrObjectNotFound)
}

// add sets an object of kind whose content is encoded by fn.
func (o *objects) add(fn func(plumbing.EncodedObject) error) (plumbing.Hash, error) {
	obj := o.NewEncodedObject()
	if err := fn(obj); err != nil {
		return plumbing.ZeroHash, err
	}
	return o.SetEncodedObject(obj)
}

func (o *objects) addBlob(text string) (plumbing.Hash, error) {
	return o.add(func(obj plumbing.EncodedObject) error {
		obj.SetType(plumbing.BlobObject)
		w, err := obj.Writer()
		if err != nil {
			return err
		}
		if _, err := io.WriteString(w, text); err != nil {
			return err
		}
		return w.Close()
	})
}

// pack compresses what was set, so that save has only to write it: a transaction
// that holds the branch must not wait for a processor.
func (o *objects) pack() error {
	var buf bytes.Buffer
	deflater := zlib.NewWriter(&buf)
	for hash, obj := range o.added {
		data, err := deflate(&buf, deflater, obj)
		if err != nil {
			return err
		}
		o.packed[hash] = data
	}
	return nil
}

// save writes what was packed through client, in the order of the hashes. Objects
// that are there already are left alone.
func (o *objects) save(ctx context.Context, client *ent.Client) error {
	for part := range slices.Chunk(names(slices.Collect(maps.Keys(o.packed))), rowBatch) {
		present, err := client.GitObject.Query().
			Where(gitobject.ProjectID(o.project), gitobject.HashIn(part...)).
			Select(gitobject.FieldHash).Strings(ctx)
		if err != nil {
			return fmt.Errorf("look for git objects: %w", err)
		}
		var rows []*ent.GitObjectCreate
		var size int
		for _, name := range part {
			if slices.Contains(present, name) {
				continue
			}
			hash := plumbing.NewHash(name)
			obj, data := o.added[hash], o.packed[hash]
			rows = append(rows, client.GitObject.Create().SetProjectID(o.project).
				SetHash(name).SetKind(int8(obj.Type())).SetSize(obj.Size()).SetData(data))
			if size += len(data); size >= writeBatch {
				if err := insert(ctx, client, rows); err != nil {
					return err
				}
				rows, size = nil, 0
			}
		}
		if err := insert(ctx, client, rows); err != nil {
			return err
		}
	}
	return nil
}

func insert(ctx context.Context, client *ent.Client, rows []*ent.GitObjectCreate) error {
	if len(rows) == 0 {
		return nil
	}
	err := client.GitObject.CreateBulk(rows...).
		OnConflictColumns(gitobject.FieldProjectID, gitobject.FieldHash).DoNothing().Exec(ctx)
	if err != nil {
		return fmt.Errorf("write git objects: %w", err)
	}
	return nil
}

func deflate(buf *bytes.Buffer, w *zlib.Writer, obj plumbing.EncodedObject) (_ []byte, err error) {
	r, err := obj.Reader()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	buf.Reset()
	w.Reset(buf)
	if _, err := io.Copy(w, r); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return bytes.Clone(buf.Bytes()), nil
}

// inflate refuses an object that is longer or shorter than its row says.
func inflate(row *ent.GitObject) ([]byte, error) {
	r, err := zlib.NewReader(bytes.NewReader(row.Data))
	if err != nil {
		return nil, fmt.Errorf("inflate git object %s: %w", row.Hash, err)
	}
	content := make([]byte, 0, row.Size+1)
	buf := bytes.NewBuffer(content)
	if _, err := io.Copy(buf, io.LimitReader(r, row.Size+1)); err != nil {
		return nil, fmt.Errorf("inflate git object %s: %w", row.Hash, err)
	}
	if int64(buf.Len()) != row.Size {
		return nil, fmt.Errorf("git object %s has not the %d bytes it should", row.Hash, row.Size)
	}
	return buf.Bytes(), nil
}

// names are the hashes as the database has them, sorted, each once.
func names(hashes []plumbing.Hash) []string {
	out := make([]string, len(hashes))
	for i, h := range hashes {
		out[i] = h.String()
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// parseHash reads a full hash in hexadecimal.
func parseHash(s string) (plumbing.Hash, bool) {
	if len(s) != 40 || strings.Trim(s, "0123456789abcdefABCDEF") != "" {
		return plumbing.ZeroHash, false
	}
	return plumbing.NewHash(s), true
}

// What follows is go-git's interface.

func (o *objects) NewEncodedObject() plumbing.EncodedObject { return &plumbing.MemoryObject{} }

func (o *objects) SetEncodedObject(obj plumbing.EncodedObject) (plumbing.Hash, error) {
	hash := obj.Hash()
	o.loaded[hash] = obj
	o.added[hash] = obj
	return hash, nil
}

func (o *objects) EncodedObject(kind plumbing.ObjectType, hash plumbing.Hash) (plumbing.EncodedObject, error) {
	if err := o.load(hash); err != nil {
		return nil, err
	}
	obj := o.loaded[hash]
	if obj == nil || kind != plumbing.AnyObject && obj.Type() != kind {
		return nil, plumbing.ErrObjectNotFound
	}
	return obj, nil
}

func (o *objects) HasEncodedObject(hash plumbing.Hash) error {
	_, err := o.EncodedObjectSize(hash)
	return err
}

func (o *objects) EncodedObjectSize(hash plumbing.Hash) (int64, error) {
	if obj := o.loaded[hash]; obj != nil {
		return obj.Size(), nil
	}
	sizes, err := o.sizes([]plumbing.Hash{hash})
	if err != nil {
		return 0, err
	}
	size, ok := sizes[hash]
	if !ok {
		return 0, plumbing.ErrObjectNotFound
	}
	return size, nil
}

// IterEncodedObjects goes over the stored objects of kind, oldest first.
func (o *objects) IterEncodedObjects(kind plumbing.ObjectType) (storer.EncodedObjectIter, error) {
	query := o.client.GitObject.Query().Where(gitobject.ProjectID(o.project))
	if kind != plumbing.AnyObject {
		query = query.Where(gitobject.Kind(int8(kind)))
	}
	stored, err := query.Order(gitobject.ByID()).Select(gitobject.FieldHash).Strings(o.ctx)
	if err != nil {
		return nil, fmt.Errorf("list git objects: %w", err)
	}
	hashes := make([]plumbing.Hash, len(stored))
	for i, s := range stored {
		hashes[i] = plumbing.NewHash(s)
	}
	return storer.NewEncodedObjectLookupIter(o, kind, hashes), nil
}

func (o *objects) AddAlternate(string) error { return errors.ErrUnsupported }
