package graph

import (
	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/graph/model"
	"github.com/zeblit/zeblit/internal/merge"
	"github.com/zeblit/zeblit/internal/workspace"
)

// conflicts are a merge's, as the API shows them.
func conflicts(m *ent.Merge) ([]*model.MergeConflict, error) {
	found, err := merge.Conflicts(m)
	if err != nil {
		return nil, err
	}
	out := make([]*model.MergeConflict, len(found))
	for i, c := range found {
		shown := &model.MergeConflict{Path: c.Path, Kind: c.Kind, Message: c.Message, HunksCut: c.Cut, Hunks: []*merge.Hunk{}}
		shown.Base, shown.Ours, shown.Theirs = conflictSide(m, c.Base), conflictSide(m, c.Ours), conflictSide(m, c.Theirs)
		for j := range c.Hunks {
			shown.Hunks = append(shown.Hunks, &c.Hunks[j])
		}
		out[i] = shown
	}
	return out, nil
}

func conflictSide(m *ent.Merge, s *merge.Side) *model.ConflictSide {
	if s == nil {
		return nil
	}
	return &model.ConflictSide{ProjectID: m.ProjectID, Revision: s.Revision, Size: s.Size, Executable: s.Executable(), Link: s.Link()}
}

// maxRestored is how many files a restore lists.
const maxRestored = 1000

func restoredFiles(found []workspace.Difference) []*model.RestoredFile {
	found = found[:min(len(found), maxRestored)]
	out := make([]*model.RestoredFile, len(found))
	for i, d := range found {
		out[i] = &model.RestoredFile{Path: d.Path, Change: d.Change}
	}
	return out
}
