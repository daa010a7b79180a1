package workspace

import (
	"context"
	"errors"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/zeblit/zeblit/internal/problem"
)

// Unread is a file at one commit that was found, and not read yet. It is for the time
// of the call's context.
type Unread struct {
	// Path, Size, Mode and Revision are those of File.
	Path     string
	Size     int
	Mode     Mode
	Revision string

	objs *objects
	hash plumbing.Hash
}

// Find is File without its content. The errors are those of File.
func (w *Workspace) Find(ctx context.Context, projectID, path, ref string) (*Unread, error) {
	f, err := w.find(ctx, projectID, path, ref)
	if err != nil {
		return nil, err
	}
	size, err := f.objs.EncodedObjectSize(f.hash)
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		err = f.objs.lost(f.hash)
	}
	if err != nil {
		return nil, err
	}
	f.Size = int(size)
	return f, nil
}

// find is Find without the size.
func (w *Workspace) find(ctx context.Context, projectID, path, ref string) (*Unread, error) {
	if err := CheckPath(path); err != nil {
		return nil, err
	}
	objs, root, err := w.open(ctx, w.db.Ent, projectID, ref)
	if err != nil {
		return nil, err
	}
	path, named, err := (&sketch{objs: objs, root: root}).named(path)
	if err != nil {
		return nil, err
	}
	if !named.exists() {
		return nil, problem.Missing("path", "file")
	}
	hash := named.entry.Hash
	return &Unread{Path: path, Mode: modeOf(named.entry.Mode), Revision: hash.String(), objs: objs, hash: hash}, nil
}

// Read is the file and its content, at most MaxFile bytes, and no Text.
func (f *Unread) Read() (*File, []byte, error) {
	var content []byte
	found := false
	err := f.objs.each([]plumbing.Hash{f.hash}, func(s stored) error {
		content, found = s.content, s.kind == plumbing.BlobObject
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	if !found {
		return nil, nil, f.objs.lost(f.hash)
	}
	file := fileOf(f.Path, f.hash, content)
	file.Mode = f.Mode
	return &file, content, nil
}

// Describe is the file without its content, of which little is in memory at once.
func (f *Unread) Describe() (*File, error) {
	if f.Size <= MaxText {
		file, _, err := f.Read()
		return file, err
	}
	binary, err := f.objs.isLargeBinary(f.hash, int64(f.Size))
	return &File{Path: f.Path, Size: f.Size, IsBinary: binary, Mode: f.Mode, Revision: f.Revision}, err
}

// Look is File with a Text of at most MaxText bytes, and none for a larger file: little of
// that is in memory at once.
func (w *Workspace) Look(ctx context.Context, projectID, path, ref string) (*File, error) {
	f, err := w.Find(ctx, projectID, path, ref)
	if err != nil {
		return nil, err
	}
	if f.Size > MaxText {
		return f.Describe()
	}
	file, content, err := f.Read()
	if err != nil {
		return nil, err
	}
	return file.withText(content), nil
}

func (f *File) withText(content []byte) *File {
	if !f.IsBinary {
		text := string(content)
		f.Text = &text
	}
	return f
}
