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
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/storer"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/gitobject"
	"github.com/zeblit/zeblit/ent/project"
	"github.com/zeblit/zeblit/internal/problem"
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
//
// An object is loose, in a row of its own, or in a pack. It moves from the one to the
// other in one transaction, so who looks among the loose ones first, and there once more,
// finds it.
type objects struct {
	// ctx is kept because go-git's interface passes none.
	ctx     context.Context
	client  *ent.Client
	project string
	packs   *packCache
	opened  map[string]*packfile.Packfile
	loaded  map[plumbing.Hash]plumbing.EncodedObject
	added   map[plumbing.Hash]plumbing.EncodedObject
	packed  map[plumbing.Hash][]byte
}

var _ storer.EncodedObjectStorer = (*objects)(nil)

func newObjects(ctx context.Context, client *ent.Client, packs *packCache, projectID string) *objects {
	return &objects{
		ctx: ctx, client: client, project: projectID, packs: packs,
		opened: map[string]*packfile.Packfile{},
		loaded: map[plumbing.Hash]plumbing.EncodedObject{},
		added:  map[plumbing.Hash]plumbing.EncodedObject{},
		packed: map[plumbing.Hash][]byte{},
	}
}

// stored is an object as it was found.
type stored struct {
	hash    plumbing.Hash
	kind    plumbing.ObjectType
	content []byte
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
	return o.each(missing, func(s stored) error {
		obj := &plumbing.MemoryObject{}
		obj.SetType(s.kind)
		if _, err := obj.Write(s.content); err != nil {
			return err
		}
		o.loaded[s.hash] = obj
		return nil
	})
}

// forget lets go of what was read, but not of what was set.
func (o *objects) forget() { o.loaded = maps.Clone(o.added) }

// each calls fn with every object that exists, in no order.
func (o *objects) each(hashes []plumbing.Hash, fn func(stored) error) error {
	for part := range slices.Chunk(names(hashes), rowBatch) {
		err := everywhere(part, func(part []string, packed bool) ([]string, error) {
			if packed {
				return o.eachPacked(part, fn)
			}
			return o.eachLoose(part, fn)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// everywhere has look find objects among the loose ones and the packed ones; it returns
// those that it hasn't found. An object that was in neither may have been made loose again
// between the two looks.
func everywhere(part []string, look func(part []string, packed bool) (left []string, err error)) (err error) {
	for _, packed := range []bool{false, true, false} {
		if len(part) == 0 {
			return nil
		}
		if part, err = look(part, packed); err != nil {
			return err
		}
	}
	return nil
}

func (o *objects) eachLoose(part []string, fn func(stored) error) (left []string, err error) {
	rows, err := o.query(part).All(o.ctx)
	if err != nil {
		return nil, fmt.Errorf("read git objects: %w", err)
	}
	found := make(map[string]bool, len(rows))
	for _, row := range rows {
		content, err := inflate(row)
		if err != nil {
			return nil, err
		}
		found[row.Hash] = true
		if err := fn(stored{plumbing.NewHash(row.Hash), plumbing.ObjectType(row.Kind), content}); err != nil {
			return nil, err
		}
	}
	return without(part, found), nil
}

// sizes tells how many bytes each object of kind that exists has, without reading it.
func (o *objects) sizes(kind plumbing.ObjectType, hashes []plumbing.Hash) (map[plumbing.Hash]int64, error) {
	out := make(map[plumbing.Hash]int64, len(hashes))
	for part := range slices.Chunk(names(hashes), rowBatch) {
		err := everywhere(part, func(part []string, packed bool) ([]string, error) {
			found := map[string]bool{}
			note := func(hash string, is int8, size int64) {
				found[hash] = true
				if kind == plumbing.AnyObject || kind == plumbing.ObjectType(is) {
					out[plumbing.NewHash(hash)] = size
				}
			}
			if packed {
				places, err := o.places(part)
				for _, p := range places {
					note(p.Hash, p.Kind, p.Size)
				}
				return without(part, found), err
			}
			rows, err := o.query(part).Select(gitobject.FieldHash, gitobject.FieldKind, gitobject.FieldSize).All(o.ctx)
			if err != nil {
				return nil, fmt.Errorf("read sizes of git objects: %w", err)
			}
			for _, row := range rows {
				note(row.Hash, row.Kind, row.Size)
			}
			return without(part, found), nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (o *objects) exists(kind plumbing.ObjectType, hash plumbing.Hash) (bool, error) {
	sizes, err := o.sizes(kind, []plumbing.Hash{hash})
	return len(sizes) > 0, err
}

func (o *objects) query(hashes []string) *ent.GitObjectQuery {
	return o.client.GitObject.Query().Where(gitobject.ProjectID(o.project), gitobject.HashIn(hashes...))
}

// without is the names that aren't among found.
func without(names []string, found map[string]bool) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return found[name] })
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

// notFound is why an object isn't there: who may no longer see the project finds nothing of
// it, and else the project lacks it.
func (o *objects) notFound() error {
	seen, err := o.client.Project.Query().Where(project.ID(o.project)).Exist(o.ctx)
	switch {
	case err != nil:
		return fmt.Errorf("look for project %s: %w", o.project, err)
	case !seen:
		return problem.Missing("", "project")
	}
	return plumbing.ErrObjectNotFound
}

// lost is notFound of an object that something of the project leads to.
func (o *objects) lost(hash plumbing.Hash) error {
	if err := o.notFound(); !errors.Is(err, plumbing.ErrObjectNotFound) {
		return err
	}
	return fmt.Errorf("git object %s of project %s: %w", hash, o.project, plumbing.ErrObjectNotFound)
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
