package workspace

import (
	"errors"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/zeblit/zeblit/internal/problem"
)

// maxSide is the longest text that a conflict carries, in bytes.
const maxSide = 64 << 10

func conflict(message string) error {
	return &problem.Error{Code: problem.Conflict, Field: "path", Message: message}
}

// checkBase holds what a file should be against what it is; current has no hash where
// there is none. The error carries both sides.
func checkBase(objs *objects, path string, base *string, current object.TreeEntry) error {
	exists := !current.Hash.IsZero()
	var message string
	switch {
	case base == nil:
		return nil
	case *base == "" && exists:
		message = "there is such a file already"
	case *base != "" && !exists:
		message = "the file has been deleted since it was read"
	case exists && *base != current.Hash.String():
		message = "the file has changed since it was read: read it again and redo the change"
	default:
		return nil
	}
	sides := &problem.Sides{Path: path, Expected: *base}
	if exists {
		sides.Current = current.Hash.String()
		text, err := shortText(objs, current.Hash)
		if err != nil {
			return err
		}
		sides.Text = text
	}
	return &problem.Error{Code: problem.Conflict, Field: "path", Message: message, Sides: sides}
}

// shortText is a file's text, nil when it is too long for an error or no text.
func shortText(objs *objects, hash plumbing.Hash) (*string, error) {
	size, err := objs.EncodedObjectSize(hash)
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return nil, objs.lost(hash)
	}
	if err != nil || size > maxSide {
		return nil, err
	}
	content, err := objs.content(plumbing.BlobObject, hash)
	if err != nil || isBinary(content) {
		return nil, err
	}
	text := string(content)
	return &text, nil
}
