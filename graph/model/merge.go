package model

import (
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/merge"
)

// MergeConflict is a path that could not be merged.
type MergeConflict struct {
	Path               string
	Kind               enum.ConflictKind
	Message            string
	Base, Ours, Theirs *ConflictSide
	Hunks              []*merge.Hunk
	HunksCut           bool
}

// ConflictSide is a path's file on one side of a merge.
type ConflictSide struct {
	ProjectID  string
	Revision   string
	Size       int64
	Executable bool
	Link       bool
}

// RestoredFile is a file that a restore changes.
type RestoredFile struct {
	Path   string
	Change enum.FileChange
}
