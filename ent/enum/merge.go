package enum

import "io"

// MergeState is where a merge stands. MERGED, FAILED and CANCELLED are final.
type MergeState string

const (
	MergeQueued     MergeState = "QUEUED"
	MergeMerging    MergeState = "MERGING"
	MergeMerged     MergeState = "MERGED"
	MergeConflicted MergeState = "CONFLICTED"
	MergeFailed     MergeState = "FAILED"
	MergeCancelled  MergeState = "CANCELLED"
)

var allMergeState = []MergeState{MergeQueued, MergeMerging, MergeMerged, MergeConflicted, MergeFailed, MergeCancelled}

// Values lists every MergeState.
func (MergeState) Values() []string { return values(allMergeState) }

// MarshalGQL writes it as a GraphQL enum value.
func (v MergeState) MarshalGQL(w io.Writer) { write(w, string(v)) }

// UnmarshalGQL takes only values of the set.
func (v *MergeState) UnmarshalGQL(in any) error { return read(v, in, allMergeState) }

// Ended reports whether the state is final.
func (v MergeState) Ended() bool {
	return v == MergeMerged || v == MergeFailed || v == MergeCancelled
}

// ConflictKind is why git could not merge a path.
type ConflictKind string

const (
	ConflictContent      ConflictKind = "CONTENT"
	ConflictAddAdd       ConflictKind = "ADD_ADD"
	ConflictModifyDelete ConflictKind = "MODIFY_DELETE"
	ConflictRename       ConflictKind = "RENAME"
	ConflictBinary       ConflictKind = "BINARY"
	ConflictFileFolder   ConflictKind = "FILE_FOLDER"
	ConflictMode         ConflictKind = "MODE"
	ConflictOther        ConflictKind = "OTHER"
)

var allConflictKind = []ConflictKind{ConflictContent, ConflictAddAdd, ConflictModifyDelete, ConflictRename, ConflictBinary, ConflictFileFolder, ConflictMode, ConflictOther}

// Values lists every ConflictKind.
func (ConflictKind) Values() []string { return values(allConflictKind) }

// MarshalGQL writes it as a GraphQL enum value.
func (v ConflictKind) MarshalGQL(w io.Writer) { write(w, string(v)) }

// UnmarshalGQL takes only values of the set.
func (v *ConflictKind) UnmarshalGQL(in any) error { return read(v, in, allConflictKind) }

// MergeSide is one of the three versions of a path in a merge.
type MergeSide string

const (
	SideOurs   MergeSide = "OURS"
	SideTheirs MergeSide = "THEIRS"
	SideBase   MergeSide = "BASE"
)

var allMergeSide = []MergeSide{SideOurs, SideTheirs, SideBase}

// Values lists every MergeSide.
func (MergeSide) Values() []string { return values(allMergeSide) }

// MarshalGQL writes it as a GraphQL enum value.
func (v MergeSide) MarshalGQL(w io.Writer) { write(w, string(v)) }

// UnmarshalGQL takes only values of the set.
func (v *MergeSide) UnmarshalGQL(in any) error { return read(v, in, allMergeSide) }
