package merge

import (
	"encoding/json"
	"fmt"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
)

const (
	// maxConflicts is how many paths a merge lists.
	maxConflicts = 1000
	// maxPathHunks and maxHunks are how many bytes of hunks there are for a path and for
	// a merge.
	maxPathHunks = 256 << 10
	maxHunks     = 1 << 20
	// MaxText is the longest text of a side, in bytes.
	MaxText = 256 << 10
)

// Conflict is a path that git could not merge.
type Conflict struct {
	Path    string            `json:"path"`
	Kind    enum.ConflictKind `json:"kind"`
	Message string            `json:"message"`
	Base    *Side             `json:"base,omitempty"`
	Ours    *Side             `json:"ours,omitempty"`
	Theirs  *Side             `json:"theirs,omitempty"`
	Hunks   []Hunk            `json:"hunks,omitempty"`
	Cut     bool              `json:"cut,omitempty"` // hunks were left out
}

// Side is a path's file on one side.
type Side struct {
	Revision string `json:"revision"`
	Mode     string `json:"mode"` // as git writes it
	Size     int64  `json:"size"`
}

// Executable and Link say what kind of file it is.
func (s Side) Executable() bool { return s.Mode == "100755" }

// Link says whether it is a link, whose text is its target.
func (s Side) Link() bool { return s.Mode == "120000" }

// Hunk is a place where both sides changed something else.
type Hunk struct {
	Base   []string `json:"base"`
	Ours   []string `json:"ours"`
	Theirs []string `json:"theirs"`
}

// Conflicts are those of a merge.
func Conflicts(m *ent.Merge) ([]Conflict, error) {
	if m.State != enum.MergeConflicted || len(m.Conflicts) == 0 {
		return nil, nil
	}
	var all []Conflict
	if err := json.Unmarshal(m.Conflicts, &all); err != nil {
		return nil, fmt.Errorf("read the conflicts of merge %s: %w", m.ID, err)
	}
	return all, nil
}

func (c *Conflict) side(which enum.MergeSide) *Side {
	switch which {
	case enum.SideOurs:
		return c.Ours
	case enum.SideTheirs:
		return c.Theirs
	}
	return c.Base
}
