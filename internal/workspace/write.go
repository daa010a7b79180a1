package workspace

import (
	"context"
	"fmt"

	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/idempotency"
	"github.com/zeblit/zeblit/internal/store"
)

// WriteInput is a text file that a person writes.
type WriteInput struct {
	ProjectID string
	Path      string
	Text      string
	// Base is the revision that the file must have; see Change.
	Base *string
	// Message is why; "" says what is done.
	Message string
	// IdempotencyKey makes the same input do nothing again; "" is none.
	IdempotencyKey string
}

// Write commits one file in the viewer's name and returns it as it is in that
// commit, whose hash is commit. The errors are those of Commit.
func (w *Workspace) Write(ctx context.Context, in WriteInput) (file *File, commit string, err error) {
	viewer, err := access.RequireViewer(ctx)
	if err != nil {
		return nil, "", err
	}
	if err := CheckPath(in.Path); err != nil {
		return nil, "", err
	}
	message := in.Message
	if message == "" {
		message = "Write " + in.Path
	}
	err = w.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		user, err := tx.Ent.User.Get(ctx, viewer.UserID)
		if err != nil {
			return fmt.Errorf("read the author: %w", err)
		}
		author := Author{Name: user.Name, Email: user.Email, UserID: user.ID}
		commit, _, err = idempotency.Do(ctx, tx, "writeFile", in.IdempotencyKey, in, func() (string, error) {
			return w.CommitTx(ctx, tx, in.ProjectID, author, message, Change{Path: in.Path, Text: &in.Text, Base: in.Base})
		})
		return err
	})
	if err != nil {
		return nil, "", err
	}
	file, err = w.File(ctx, in.ProjectID, in.Path, commit)
	return file, commit, err
}
