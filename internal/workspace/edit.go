package workspace

import (
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/stream"
)

// edit is a Change that does change something.
type edit struct {
	Change
	segments []string
	// before and after are the files; without a hash where there is none.
	before, after object.TreeEntry
}

// compare holds the changes against the tree root: it checks their bases and
// keeps those that change something, in their order. The folders that it
// returns are opened for them.
func (p *prepared) compare(root plumbing.Hash, changes []Change) ([]edit, *folder, error) {
	var paths [][]string
	for _, c := range changes {
		paths = append(paths, strings.Split(c.Path, "/"))
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
			e.before = entry
		}
		if err := checkBase(p.objs, e.Path, e.Base, e.before); err != nil {
			return nil, nil, err
		}
		if !exists && c.Content == nil && c.Revision == "" && (c.Base == nil || !c.Deletes()) {
			return nil, nil, problem.Missing("path", "file")
		}
		if err := e.target(); err != nil {
			return nil, nil, err
		}
		if e.before.Hash != e.after.Hash || e.before.Mode != e.after.Mode {
			edits = append(edits, e)
		}
	}
	return edits, top, nil
}

// target works out what the file will be.
func (e *edit) target() error {
	switch {
	case e.Content != nil:
		e.after.Hash = blobHash(*e.Content)
	case e.Revision != "":
		hash, ok := parseHash(e.Revision)
		if !ok {
			return problem.Missing("revision", "revision")
		}
		e.after.Hash = hash
	case e.Mode != Keep:
		e.after.Hash = e.before.Hash
	default:
		return nil // it is deleted
	}
	e.after.Mode = e.Mode.git()
	if e.Mode == Keep && e.before.Mode == filemode.Executable {
		e.after.Mode = filemode.Executable // what could be run stays so; a link that is written to becomes a file
	}
	return nil
}

// sizeAfter is the bytes of all files with the edits made. It is also where revisions
// are looked up.
func (p *prepared) sizeAfter(edits []edit) (int64, error) {
	var known []plumbing.Hash
	for _, e := range edits {
		if !e.before.Hash.IsZero() {
			known = append(known, e.before.Hash)
		}
		if e.Revision != "" {
			known = append(known, e.after.Hash)
		}
	}
	sizes, err := p.objs.sizes(plumbing.BlobObject, known)
	if err != nil {
		return 0, err
	}
	total := p.from.size
	for _, e := range edits {
		if !e.before.Hash.IsZero() {
			size, ok := sizes[e.before.Hash]
			if !ok {
				return 0, p.objs.lost(e.before.Hash)
			}
			total -= size
		}
		switch {
		case e.Content != nil:
			total += int64(len(*e.Content))
		case !e.after.Hash.IsZero():
			size, ok := sizes[e.after.Hash]
			if !ok {
				return 0, problem.Missing("revision", "revision")
			}
			total += size
		}
	}
	return total, nil
}

// edit makes the edits in the opened folders. Deletions come first, so that one
// commit can put a folder where a file was and the other way round.
func (p *prepared) edit(top *folder, edits []edit) error {
	for _, e := range edits {
		if e.Deletes() {
			top.remove(e.segments)
		}
	}
	for _, e := range edits {
		if e.Deletes() {
			continue
		}
		if e.Content != nil {
			if _, err := p.objs.addBlob(*e.Content); err != nil {
				return err
			}
		}
		if err := top.put(e.segments, e.after.Mode, e.after.Hash); err != nil {
			return err
		}
	}
	return nil
}

func (e edit) event(branch string, author Author) stream.Draft {
	payload := stream.FilePayload{
		V: 1, Path: e.Path, Change: enum.FileModified,
		UserID: author.UserID, AgentID: author.AgentID,
	}
	if branch != MainBranch {
		payload.Branch = branch
	}
	switch {
	case e.after.Hash.IsZero():
		payload.Change = enum.FileDeleted
	case e.before.Hash.IsZero():
		payload.Change = enum.FileCreated
	}
	if !e.after.Hash.IsZero() {
		payload.Revision = e.after.Hash.String()
	}
	return stream.Draft{Type: enum.EventFileChanged, RunID: author.RunID, Payload: payload}
}
