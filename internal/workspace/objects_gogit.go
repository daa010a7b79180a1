package workspace

import (
	"errors"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/storer"

	"github.com/zeblit/zeblit/ent/gitobject"
	"github.com/zeblit/zeblit/ent/gitpackobject"
)

// This file is go-git's interface.

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
		return nil, o.notFound()
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
	sizes, err := o.sizes(plumbing.AnyObject, []plumbing.Hash{hash})
	if err != nil {
		return 0, err
	}
	size, ok := sizes[hash]
	if !ok {
		return 0, o.notFound()
	}
	return size, nil
}

// IterEncodedObjects goes over the stored objects of kind, oldest first.
func (o *objects) IterEncodedObjects(kind plumbing.ObjectType) (storer.EncodedObjectIter, error) {
	loose := o.client.GitObject.Query().Where(gitobject.ProjectID(o.project))
	packed := o.client.GitPackObject.Query().Where(gitpackobject.ProjectID(o.project))
	if kind != plumbing.AnyObject {
		loose.Where(gitobject.Kind(int8(kind)))
		packed.Where(gitpackobject.Kind(int8(kind)))
	}
	first, err := loose.Order(gitobject.ByID()).Select(gitobject.FieldHash).Strings(o.ctx)
	if err != nil {
		return nil, fmt.Errorf("list git objects: %w", err)
	}
	second, err := packed.Order(gitpackobject.ByID()).Select(gitpackobject.FieldHash).Strings(o.ctx)
	if err != nil {
		return nil, fmt.Errorf("list packed git objects: %w", err)
	}
	var hashes []plumbing.Hash
	for _, s := range append(second, first...) {
		hashes = append(hashes, plumbing.NewHash(s))
	}
	return storer.NewEncodedObjectLookupIter(o, kind, hashes), nil
}

func (o *objects) AddAlternate(string) error { return errors.ErrUnsupported }
