package workspace

import (
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/stream"
)

// edit is a Change that does change something.
type edit struct {
	Change
	segments []string
	// before and after are the blobs; zero where there is no file.
	before, after plumbing.Hash
}

// compare holds the changes against the tree root: it checks their bases and
// keeps those that change something, in their order. The folders that it
// returns are opened for them.
func (p *prepared) compare(root plumbing.Hash, changes []Change) ([]edit, *folder, error) {
	paths := make([][]string, len(changes))
	for i, c := range changes {
		paths[i] = strings.Split(c.Path, "/")
	}
	top, err := openFolders(p.objs, root, paths)
	if err != nil {
		return nil, nil, err
	}
	var edits []edit
	for i, c := range changes {
		e := edit{Change: c, segments: paths[i]}
		entry, exists := top.file(e.segments)
		if exists {
			e.before = entry.Hash
		}
		if err := e.checkBase(exists); err != nil {
			return nil, nil, err
		}
		switch {
		case c.Text != nil:
			e.after = plumbing.ComputeHash(plumbing.BlobObject, []byte(*c.Text))
		case !exists && c.Base == nil:
			return nil, nil, problem.Missing("path", "file")
		}
		if e.before != e.after {
			edits = append(edits, e)
		}
	}
	return edits, top, nil
}

func (e edit) checkBase(exists bool) error {
	switch {
	case e.Base == nil:
		return nil
	case *e.Base == "" && exists:
		return conflict("there is such a file already")
	case *e.Base != "" && !exists:
		return conflict("the file has been deleted since it was read")
	case exists && *e.Base != e.before.String():
		return conflict("the file has changed since it was read: read it again and redo the change")
	}
	return nil
}

// sizeAfter is the bytes of all files with the edits made. A project that is
// over the limit may still shrink.
func (p *prepared) sizeAfter(edits []edit) (int64, error) {
	var before []plumbing.Hash
	for _, e := range edits {
		if !e.before.IsZero() {
			before = append(before, e.before)
		}
	}
	sizes, err := p.objs.sizes(before)
	if err != nil {
		return 0, err
	}
	total := p.from.size
	for _, e := range edits {
		if !e.before.IsZero() {
			size, ok := sizes[e.before]
			if !ok {
				return 0, p.objs.lost(e.before)
			}
			total -= size
		}
		if e.Text != nil {
			total += int64(len(*e.Text))
		}
	}
	if total > MaxProject && total > p.from.size {
		return 0, problem.BadField("text", "a project's files can have %d bytes together at most", MaxProject)
	}
	return total, nil
}

// edit makes the edits in the opened folders. Deletions come first, so that one
// commit can put a folder where a file was and the other way round.
func (p *prepared) edit(top *folder, edits []edit) error {
	for _, e := range edits {
		if e.Text == nil {
			top.remove(e.segments)
		}
	}
	for _, e := range edits {
		if e.Text == nil {
			continue
		}
		blob, err := p.objs.addBlob(*e.Text)
		if err != nil {
			return err
		}
		if err := top.put(e.segments, blob); err != nil {
			return err
		}
	}
	return nil
}

func (e edit) event(author Author) stream.Draft {
	payload := stream.FilePayload{
		V: 1, Path: e.Path, Change: enum.FileModified,
		UserID: author.UserID, AgentID: author.AgentID,
	}
	switch {
	case e.after.IsZero():
		payload.Change = enum.FileDeleted
	case e.before.IsZero():
		payload.Change = enum.FileCreated
	}
	if !e.after.IsZero() {
		payload.Revision = e.after.String()
	}
	return stream.Draft{Type: enum.EventFileChanged, RunID: author.RunID, Payload: payload}
}
