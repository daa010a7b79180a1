package graph

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/zeblit/zeblit/graph/model"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/relay"
	"github.com/zeblit/zeblit/internal/workspace"
)

// changeFiles makes changes to a branch; nil is main.
func (r *Resolver) changeFiles(ctx context.Context, projectID string, branch, message, key *string, ops ...workspace.Operation) (string, error) {
	commit, err := r.Workspace.ChangeFiles(ctx, workspace.Batch{
		On: workspace.Branch{ProjectID: projectID, Name: deref(branch)}, Operations: ops, Message: deref(message), IdempotencyKey: deref(key),
	})
	r.forget(ctx)
	return commit, err
}

func (r *Resolver) restore(ctx context.Context, projectID string, branch, message, key *string, o workspace.RestoreOperation) (string, error) {
	commit, err := r.Workspace.Restore(ctx, workspace.Branch{ProjectID: projectID, Name: deref(branch)}, o, deref(message), deref(key))
	r.forget(ctx)
	return commit, err
}

// fileAt is a file, or nil where there is a folder or nothing.
func (r *Resolver) fileAt(ctx context.Context, projectID, commit, path string) (*model.File, error) {
	f, err := r.readFile(ctx, projectID, path, commit)
	if problem.Is(err, problem.NotFound) {
		return nil, nil
	}
	return f, err
}

// readFile reads a file, with its text where the API tells that.
func (r *Resolver) readFile(ctx context.Context, projectID, path, ref string) (*model.File, error) {
	f, err := r.Workspace.Look(ctx, projectID, path, ref)
	if err != nil {
		return nil, err
	}
	return file(projectID, ref, *f), nil
}

func operations(changes []*model.FileChangeInput) ([]workspace.Operation, error) {
	out := make([]workspace.Operation, len(changes))
	for i, c := range changes {
		o := &out[i]
		if w := c.Write; w != nil {
			if err := workspace.CheckText(w.Text); err != nil {
				return nil, err
			}
			o.Write = &workspace.WriteOperation{Path: w.Path, Content: w.Text, Mode: fileMode(w.Mode), Base: w.ExpectedRevision}
		}
		if d := c.Delete; d != nil {
			o.Delete = &workspace.DeleteOperation{Path: d.Path, Base: d.ExpectedRevision, Recursive: deref(d.Recursive)}
		}
		if m := c.SetMode; m != nil {
			o.SetMode = &workspace.ModeOperation{Path: m.Path, Mode: fileMode(&m.Mode), Base: m.ExpectedRevision}
		}
		o.Move, o.Copy = moveOperation(c.Move), moveOperation(c.Copy)
	}
	return out, nil
}

func moveOperation(in *model.MoveChangeInput) *workspace.MoveOperation {
	if in == nil {
		return nil
	}
	return &workspace.MoveOperation{From: in.From, To: in.To, Base: in.ExpectedRevision, Overwrite: deref(in.Overwrite)}
}

// fileMode is the mode that was asked for; nil keeps what there is.
func fileMode(m *model.FileMode) workspace.Mode {
	switch deref(m) {
	case model.FileModeRegular:
		return workspace.Regular
	case model.FileModeExecutable:
		return workspace.Executable
	case model.FileModeSymlink:
		return workspace.Symlink
	}
	return workspace.Keep
}

func modeName(m workspace.Mode) model.FileMode {
	switch m {
	case workspace.Executable:
		return model.FileModeExecutable
	case workspace.Symlink:
		return model.FileModeSymlink
	}
	return model.FileModeRegular
}

func fileTree(tree *workspace.FileTree) *model.FileTree {
	out := &model.FileTree{Commit: nilIfEmpty(tree.Commit), Truncated: tree.Truncated, Entries: make([]*model.FileTreeEntry, len(tree.Entries))}
	for i, e := range tree.Entries {
		entry := &model.FileTreeEntry{Path: e.Path, Name: e.Path[strings.LastIndexByte(e.Path, '/')+1:], IsFolder: e.Folder}
		if !e.Folder {
			mode, size := modeName(e.Mode), int(e.Size)
			entry.Mode, entry.Size, entry.Revision = &mode, &size, &e.Revision
		}
		out.Entries[i] = entry
	}
	return out
}

func blame(found *workspace.Blame) *model.Blame {
	out := &model.Blame{Revision: found.Revision, Truncated: found.Truncated, Ranges: make([]*model.BlameRange, len(found.Ranges))}
	for i, r := range found.Ranges {
		out.Ranges[i] = &model.BlameRange{
			StartLine: r.Start, EndLine: r.End, Commit: commits([]workspace.Commit{r.Commit})[0], Path: r.Path, OriginalLine: r.OriginalStart,
		}
	}
	return out
}

// The orders of lists whose cursors say where to go on.
const (
	fileHistoryOrder = "FILE_HISTORY"
	searchOrder      = "SEARCH"
)

// placeAfter reads where a list goes on; nil is its start.
func placeAfter[T any](order string, after *string) (*T, error) {
	if after == nil {
		return nil, nil
	}
	text, err := relay.ParseCursor(order, *after, "after")
	if err != nil {
		return nil, err
	}
	place := new(T)
	if err := json.Unmarshal([]byte(text), place); err != nil {
		return nil, problem.BadField("after", "this is no cursor of this list in this order")
	}
	return place, nil
}

func placeCursor(order string, place any) string {
	text, err := json.Marshal(place)
	if err != nil { // strings and numbers
		panic(err)
	}
	return relay.Cursor(order, string(text))
}

func (r *Resolver) fileHistory(ctx context.Context, projectID, path, ref string, first *int, after *string) (*relay.Connection[*model.FileVersion], error) {
	n, err := relay.Args{First: first}.Forward()
	if err != nil {
		return nil, err
	}
	step, err := placeAfter[workspace.Step](fileHistoryOrder, after)
	if err != nil {
		return nil, err
	}
	found, err := r.Workspace.FileHistory(ctx, projectID, path, ref, step, n)
	if err != nil {
		return nil, err
	}
	page := &relay.Connection[*model.FileVersion]{Edges: []*relay.Edge[*model.FileVersion]{}, PageInfo: &relay.PageInfo{}}
	for i, v := range found.Versions {
		page.Edges = append(page.Edges, &relay.Edge[*model.FileVersion]{
			Cursor: placeCursor(fileHistoryOrder, found.Steps[i]),
			Node: &model.FileVersion{
				Commit: commits([]workspace.Commit{v.Commit})[0], Path: v.Path, PreviousPath: nilIfEmpty(v.Previous), Change: v.Change,
				Revision: nilIfEmpty(v.Revision),
			},
		})
	}
	if len(page.Edges) > 0 {
		page.PageInfo.StartCursor, page.PageInfo.EndCursor = &page.Edges[0].Cursor, &page.Edges[len(page.Edges)-1].Cursor
	}
	if found.Next != nil {
		end := placeCursor(fileHistoryOrder, *found.Next)
		page.PageInfo.HasNextPage, page.PageInfo.EndCursor = true, &end
	}
	page.PageInfo.HasPreviousPage = after != nil
	return page, nil
}

func (r *Resolver) searchFiles(ctx context.Context, projectID string, q model.FileSearch, first *int, after *string) (*model.FileMatchConnection, error) {
	if _, err := access.RequireViewer(ctx); err != nil {
		return nil, err
	}
	n, err := relay.Args{First: first}.Forward()
	if err != nil {
		return nil, err
	}
	place, err := placeAfter[workspace.Place](searchOrder, after)
	if err != nil {
		return nil, err
	}
	found, err := r.Workspace.Search(ctx, projectID, workspace.Search{
		Pattern: deref(q.Pattern), Regexp: deref(q.Regexp), CaseSensitive: deref(q.CaseSensitive), Glob: deref(q.Glob), Exclude: deref(q.ExcludeGlob),
		Ref: deref(q.Ref), Context: deref(q.Context),
	}, place, n)
	if err != nil {
		return nil, err
	}
	page := &model.FileMatchConnection{
		Edges: []*model.FileMatchEdge{}, Nodes: []*model.FileMatch{}, Truncated: found.Truncated,
		PageInfo: &relay.PageInfo{HasNextPage: found.HasMore, HasPreviousPage: after != nil},
	}
	for i, m := range found.Matches {
		node := &model.FileMatch{Path: m.Path, Revision: m.Revision, Before: orNone(m.Before), After: orNone(m.After)}
		if m.Line > 0 {
			node.Line, node.Column, node.Text, node.Start, node.Length = &m.Line, &m.Column, &m.Text, &m.Start, &m.Length
		}
		page.Nodes = append(page.Nodes, node)
		page.Edges = append(page.Edges, &model.FileMatchEdge{Cursor: placeCursor(searchOrder, found.Places[i]), Node: node})
	}
	if len(page.Edges) > 0 {
		page.PageInfo.StartCursor = &page.Edges[0].Cursor
	}
	if len(page.Edges) > 0 || found.HasMore {
		end := placeCursor(searchOrder, found.Last)
		page.PageInfo.EndCursor = &end
	}
	return page, nil
}

func orNone(lines []string) []string {
	if lines == nil {
		return []string{}
	}
	return lines
}
