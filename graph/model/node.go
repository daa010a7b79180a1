package model

// Node is any entity that the API shows.
type Node any

// File is a file of a project at some commit.
type File struct {
	ProjectID, Ref string
	Path           string
	Size           int
	IsBinary       bool
	Text           *string // nil when it was not read yet, or when the file is binary
	Revision       string
	Mode           FileMode
}
