package workspace

import (
	"maps"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/zeblit/zeblit/internal/problem"
)

// sketch is a tree with some steps of a batch made to it: what they have touched stands
// in files, everything else in the folder root.
type sketch struct {
	objs  *objects
	root  plumbing.Hash
	files map[string]planned
}

// planned is a file as it will be; without a hash it is gone.
type planned struct {
	entry object.TreeEntry
	// made says that a step of this very batch has written it.
	made bool
	// content is set where the project may not have it yet.
	content *string
}

func (p planned) exists() bool { return !p.entry.Hash.IsZero() }

func (s *sketch) do(o Operation) error {
	switch {
	case o.Write != nil:
		return s.write(o.Write)
	case o.Delete != nil:
		return s.remove(o.Delete)
	case o.Move != nil:
		return s.move(o.Move, true)
	case o.Copy != nil:
		return s.move(o.Copy, false)
	case o.SetMode != nil:
		return s.setMode(o.SetMode)
	}
	return s.restore(o.Restore)
}

// file looks a path up; the zero value is no file.
func (s *sketch) file(path string) (planned, error) {
	if p, ok := s.files[path]; ok {
		return p, nil
	}
	entry, ok, err := find(s.objs, s.root, path)
	if err != nil || !ok || !isFile(entry.Mode) {
		return planned{}, err
	}
	return planned{entry: entry}, nil
}

// named is the path that a person means: as it is written where there is such a file,
// else normalised.
func (s *sketch) named(path string) (string, planned, error) {
	p, err := s.file(path)
	if normal := Normal(path); err == nil && !p.exists() && normal != path {
		path = normal
		p, err = s.file(path)
	}
	return path, p, err
}

// guarded is named for a file that must have the revision base.
func (s *sketch) guarded(path string, base *string) (string, planned, error) {
	path, p, err := s.named(path)
	if err != nil {
		return "", p, err
	}
	if p.made && base != nil && *base != p.entry.Hash.String() {
		return "", p, conflict("the batch itself has changed the file before this step")
	}
	return path, p, checkBase(s.objs, path, base, p.entry)
}

func (s *sketch) write(o *WriteOperation) error {
	path, before, err := s.guarded(o.Path, o.Base)
	if err != nil {
		return err
	}
	mode := o.Mode.git()
	if o.Mode == Keep && before.entry.Mode == filemode.Executable {
		mode = filemode.Executable
	}
	p := planned{entry: object.TreeEntry{Mode: mode, Hash: o.stowed}, made: true}
	if o.stowed.IsZero() {
		p.entry.Hash, p.content = blobHash(o.Content), &o.Content
	}
	s.files[path] = p
	return nil
}

func (s *sketch) remove(o *DeleteOperation) error {
	path, before, err := s.guarded(o.Path, o.Base)
	if err != nil {
		return err
	}
	if before.exists() {
		s.files[path] = planned{}
		return nil
	}
	below, err := s.below(o.Path)
	switch {
	case err != nil:
		return err
	case len(below) > 0 && !o.Recursive:
		return problem.BadField("path", "this is a folder: say recursive to delete all that is in it")
	case len(below) == 0 && o.Base == nil:
		return problem.Missing("path", "file")
	}
	for name := range below {
		s.files[name] = planned{}
	}
	return nil
}

// move copies what is at From to To, and takes it away there.
func (s *sketch) move(o *MoveOperation, away bool) error {
	from, file, err := s.guarded(o.From, o.Base)
	if err != nil {
		return asField(err, "from")
	}
	to := Normal(o.To)
	moved := map[string]planned{}
	if file.exists() {
		moved[""] = file
	} else {
		from = strings.TrimSuffix(o.From, "/")
		below, err := s.below(from)
		if err != nil {
			return err
		}
		for name, p := range below {
			moved[strings.TrimPrefix(name, from)] = p
		}
	}
	switch {
	case len(moved) == 0:
		return problem.Missing("from", "file")
	case from == to:
		return problem.BadField("to", "it is there already")
	case !file.exists() && strings.HasPrefix(to, from+"/"):
		return problem.BadField("to", "a folder can't be put into itself")
	}
	if away {
		for rest := range moved {
			s.files[from+rest] = planned{}
		}
	}
	for _, rest := range slices.Sorted(maps.Keys(moved)) {
		if err := s.put(to+rest, moved[rest], o.Overwrite); err != nil {
			return err
		}
	}
	return nil
}

func (s *sketch) put(path string, p planned, overwrite bool) error {
	if err := CheckPath(path); err != nil {
		return asField(err, "to")
	}
	present, err := s.file(path)
	if err != nil {
		return err
	}
	if present.made && !overwrite {
		return asField(conflict("the batch itself has made a file there"), "to")
	}
	if present.exists() && !overwrite {
		nothing := ""
		return asField(checkBase(s.objs, path, &nothing, present.entry), "to")
	}
	s.files[path] = p
	return nil
}

func (s *sketch) setMode(o *ModeOperation) error {
	path, p, err := s.guarded(o.Path, o.Base)
	switch {
	case err != nil:
		return err
	case !p.exists():
		return problem.Missing("path", "file")
	case p.entry.Mode == filemode.Symlink:
		return problem.BadField("path", "a link has no mode of its own")
	}
	p.entry.Mode = o.Mode.git()
	s.files[path] = p
	return nil
}

// below is all files in a folder.
func (s *sketch) below(folder string) (map[string]planned, error) {
	out := map[string]planned{}
	if !s.root.IsZero() {
		leaves, err := list(s.objs, s.root, folder, "")
		if err != nil {
			return nil, err
		}
		for _, l := range leaves {
			out[l.path] = planned{entry: l.entry}
		}
	}
	for path, p := range s.files {
		if folder != "" && !strings.HasPrefix(path, folder+"/") {
			continue
		}
		delete(out, path)
		if p.exists() {
			out[path] = p
		}
	}
	return out, nil
}

// changes is what came of the steps.
func (s *sketch) changes() ([]Change, error) {
	var out []Change
	for _, path := range slices.Sorted(maps.Keys(s.files)) {
		p := s.files[path]
		c := Change{Path: path}
		switch {
		case !p.exists():
			before, ok, err := find(s.objs, s.root, path)
			if err != nil {
				return nil, err
			}
			if !ok || !isFile(before.Mode) {
				continue // it came and went within the batch
			}
		case p.content != nil:
			c.Content, c.Mode = p.content, modeOf(p.entry.Mode)
		default:
			c.Revision, c.Mode = p.entry.Hash.String(), modeOf(p.entry.Mode)
		}
		out = append(out, c)
	}
	return out, nil
}
