package workspace

import (
	"context"
	"io"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
)

// UploadInput is a file of any bytes that a person sends.
type UploadInput struct {
	On      Branch
	Path    string
	Content string
	Mode    Mode
	// Base is the revision that the file must have; see Change.
	Base *string
	// Message is why; "" says what is done.
	Message string
	// IdempotencyKey makes the same input do nothing again; "" is none.
	IdempotencyKey string
}

// Upload commits one file in the viewer's name and returns it as it is in that commit,
// whose hash is commit. The errors are those of Commit.
func (w *Workspace) Upload(ctx context.Context, in UploadInput) (file *File, commit string, err error) {
	o := Operation{Write: &WriteOperation{Path: in.Path, Content: in.Content, Mode: in.Mode, Base: in.Base}}
	if err := o.check(); err != nil {
		return nil, "", err
	}
	commit, err = w.change(ctx, "uploadFile", Batch{On: in.On, Operations: []Operation{o}, Message: in.Message, IdempotencyKey: in.IdempotencyKey})
	if err != nil {
		return nil, "", err
	}
	found, err := w.Find(ctx, in.On.ProjectID, in.Path, commit)
	if err != nil {
		return nil, "", err
	}
	file, err = found.Describe()
	return file, commit, err
}

// MayWrite refuses a viewer who may not write to a project, as Commit does, before
// anything is sent.
func (w *Workspace) MayWrite(ctx context.Context, projectID string) error {
	return access.RequireRole(ctx, w.db.Ent, projectID, enum.ProjectEditor)
}

// blobHash is git's name for a content. It copies a little at a time: contents are large.
func blobHash(content string) plumbing.Hash {
	h := plumbing.NewHasher(plumbing.BlobObject, int64(len(content)))
	_, _ = io.CopyBuffer(h, struct{ io.Reader }{strings.NewReader(content)}, make([]byte, 32<<10)) // a hash takes everything
	return h.Sum()
}
