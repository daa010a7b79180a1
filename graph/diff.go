package graph

import (
	"github.com/zeblit/zeblit/graph/model"
	"github.com/zeblit/zeblit/internal/workspace"
)

func diff(d *workspace.Diff) *model.Diff {
	out := &model.Diff{
		FromCommit: nilIfEmpty(d.From), ToCommit: nilIfEmpty(d.To), Additions: d.Additions, Deletions: d.Deletions,
		Truncated: d.Truncated, Files: make([]*model.FileDiff, len(d.Files)), Patch: d.Patch(),
	}
	for i, f := range d.Files {
		out.Files[i] = fileDiff(f)
	}
	return out
}

func fileDiff(f workspace.FileDiff) *model.FileDiff {
	out := &model.FileDiff{
		Path: f.Path, PreviousPath: nilIfEmpty(f.Previous), Status: model.FileStatus(f.Status),
		Revision: nilIfEmpty(f.New.Revision), PreviousRevision: nilIfEmpty(f.Old.Revision),
		Mode: versionMode(f.New), PreviousMode: versionMode(f.Old),
		IsBinary: f.IsBinary, Additions: f.Additions, Deletions: f.Deletions, Truncated: f.Truncated,
		Hunks: make([]*model.DiffHunk, len(f.Hunks)), Patch: f.Patch(),
	}
	if f.Status == workspace.Renamed {
		out.Similarity = &f.Similarity
	}
	for i, h := range f.Hunks {
		hunk := &model.DiffHunk{
			OldStart: h.OldStart, OldLines: h.OldLines, NewStart: h.NewStart, NewLines: h.NewLines, Lines: make([]*model.DiffLine, len(h.Lines)),
		}
		for j, l := range h.Lines {
			hunk.Lines[j] = &model.DiffLine{Kind: lineKind(l.Kind), OldNumber: number(l.Old), NewNumber: number(l.New), Text: l.Text, NoNewline: l.NoNewline}
		}
		out.Hunks[i] = hunk
	}
	return out
}

func versionMode(v workspace.Version) *model.FileMode {
	if v.Revision == "" {
		return nil
	}
	mode := modeName(v.Mode)
	return &mode
}

func lineKind(kind byte) model.DiffLineKind {
	switch kind {
	case '+':
		return model.DiffLineKindAdded
	case '-':
		return model.DiffLineKindDeleted
	}
	return model.DiffLineKindContext
}

func number(n int) *int {
	if n == 0 {
		return nil
	}
	return &n
}
