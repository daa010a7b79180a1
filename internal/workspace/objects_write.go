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
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/gitobject"
	"github.com/zeblit/zeblit/ent/gitpackobject"
	"github.com/zeblit/zeblit/internal/store"
)

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

// hasContent reports whether a file's content was set.
func (o *objects) hasContent() bool {
	for _, obj := range o.added {
		if obj.Type() == plumbing.BlobObject {
			return true
		}
	}
	return false
}

// save writes what was packed through client, in the order of the hashes, and returns
// how many bytes all of the project's objects take now. Objects that are there already
// are left alone.
func (o *objects) save(ctx context.Context, client *ent.Client) (int64, error) {
	var bytes int64
	var count int
	for part := range slices.Chunk(names(slices.Collect(maps.Keys(o.packed))), rowBatch) {
		missing, err := o.missing(ctx, client, part)
		if err != nil {
			return 0, err
		}
		var rows []*ent.GitObjectCreate
		var size int
		for _, name := range missing {
			hash := plumbing.NewHash(name)
			obj, data := o.added[hash], o.packed[hash]
			rows = append(rows, client.GitObject.Create().SetProjectID(o.project).
				SetHash(name).SetKind(int8(obj.Type())).SetSize(obj.Size()).SetData(data))
			bytes, count = bytes+int64(len(data)), count+1
			if size += len(data); size >= writeBatch {
				if err := insert(ctx, client, rows); err != nil {
					return 0, err
				}
				rows, size = nil, 0
			}
		}
		if err := insert(ctx, client, rows); err != nil {
			return 0, err
		}
	}
	return charge(ctx, client, o.project, bytes, count)
}

// saveAlone is save of objects that no ref leads to yet. Those that are there already may
// be old ones that are about to be dropped: they are young again.
func (o *objects) saveAlone(ctx context.Context, tx *store.Tx) (int64, error) {
	// A sweep under way is waited for, and what it has dropped is written.
	if err := lockStorage(ctx, tx, o.project); err != nil && !ent.IsNotFound(err) {
		return 0, err
	}
	stored, err := o.save(ctx, tx.Ent)
	if err != nil {
		return 0, err
	}
	now := store.Now()
	old := now.Add(-keepUnreachable / 2)
	for part := range slices.Chunk(names(slices.Collect(maps.Keys(o.packed))), rowBatch) {
		for _, table := range []string{gitobject.Table, gitpackobject.Table} {
			if err := renew(ctx, tx, table, o.project, part, old, now); err != nil {
				return 0, err
			}
		}
	}
	return stored, nil
}

// renew makes those of some objects that are older than old young.
func renew(ctx context.Context, tx *store.Tx, table, project string, part []string, old, now time.Time) error {
	places, args := make([]string, len(part)), []any{now, project, old}
	for i, name := range part {
		args = append(args, name)
		places[i] = fmt.Sprintf("$%d", len(args))
	}
	_, err := tx.SQL.ExecContext(ctx, "UPDATE "+table+" SET created_at = $1 WHERE project_id = $2 AND (created_at IS NULL OR created_at < $3)"+
		" AND hash IN ("+strings.Join(places, ",")+")", args...)
	if err != nil {
		return fmt.Errorf("renew %s: %w", table, err)
	}
	return nil
}

// missing is those of some objects that are nowhere.
func (o *objects) missing(ctx context.Context, client *ent.Client, part []string) ([]string, error) {
	present := map[string]bool{}
	loose, err := client.GitObject.Query().
		Where(gitobject.ProjectID(o.project), gitobject.HashIn(part...)).
		Select(gitobject.FieldHash).Strings(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for git objects: %w", err)
	}
	packed, err := client.GitPackObject.Query().
		Where(gitpackobject.ProjectID(o.project), gitpackobject.HashIn(part...)).
		Select(gitpackobject.FieldHash).Strings(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for packed git objects: %w", err)
	}
	for _, name := range append(loose, packed...) {
		present[name] = true
	}
	return without(part, present), nil
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

// deflated is an object's content as a row of its own has it.
func deflated(s stored) ([]byte, error) {
	obj := &plumbing.MemoryObject{}
	obj.SetType(s.kind)
	if _, err := obj.Write(s.content); err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	return deflate(&buf, zlib.NewWriter(&buf), obj)
}
