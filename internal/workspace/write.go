package workspace

import (
	"context"
	"unicode/utf8"

	"github.com/zeblit/zeblit/internal/problem"
)

// WriteInput is a text file that a person writes.
type WriteInput struct {
	ProjectID string
	Path      string
	Text      string
	// Branch is where; "" is main.
	Branch string
	// Mode is what the file becomes; see Change.
	Mode Mode
	// Base is the revision that the file must have; see Change.
	Base *string
	// Message is why; "" says what is done.
	Message string
	// IdempotencyKey makes the same input do nothing again; "" is none.
	IdempotencyKey string
}

// CheckText refuses what is no text file: BAD_USER_INPUT with the field "text".
func CheckText(text string) error {
	switch {
	case len(text) > MaxText:
		return problem.BadField("text", "a text can have %d bytes at most", MaxText)
	case !utf8.ValidString(text):
		return problem.BadField("text", "a file's text must be valid UTF-8")
	}
	return nil
}

// Write commits one text file in the viewer's name and returns it as it is in that
// commit, whose hash is commit. The errors are those of Commit.
func (w *Workspace) Write(ctx context.Context, in WriteInput) (file *File, commit string, err error) {
	if err := CheckText(in.Text); err != nil {
		return nil, "", err
	}
	o := Operation{Write: &WriteOperation{Path: in.Path, Content: in.Text, Mode: in.Mode, Base: in.Base}}
	if err := o.check(); err != nil {
		return nil, "", err
	}
	commit, err = w.change(ctx, "writeFile", Batch{
		On: Branch{ProjectID: in.ProjectID, Name: in.Branch}, Operations: []Operation{o}, Message: in.Message, IdempotencyKey: in.IdempotencyKey,
	})
	if err != nil {
		return nil, "", err
	}
	file, err = w.File(ctx, in.ProjectID, in.Path, commit)
	return file, commit, err
}
