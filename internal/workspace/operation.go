package workspace

import (
	"github.com/go-git/go-git/v5/plumbing"

	"github.com/zeblit/zeblit/internal/problem"
)

// Operation is one step of a batch: exactly one of its fields is set.
type Operation struct {
	Write   *WriteOperation
	Delete  *DeleteOperation
	Move    *MoveOperation
	Copy    *MoveOperation
	SetMode *ModeOperation
	// Restore takes a file, or all of a folder, from another commit.
	Restore *RestoreOperation
}

// WriteOperation makes a file, or replaces its content.
type WriteOperation struct {
	Path    string
	Content string
	Mode    Mode
	// Base is the revision that the file must have; see Change.
	Base *string
	// stowed names the content where the project has it already.
	stowed plumbing.Hash
}

// DeleteOperation takes a file away.
type DeleteOperation struct {
	Path string
	Base *string
	// Recursive takes a folder away, with all that is in it.
	Recursive bool
}

// MoveOperation moves or copies a file, or a folder with all that is in it.
type MoveOperation struct {
	From, To string
	// Base is the revision that the file must have at From. A folder has none.
	Base *string
	// Overwrite lets a file at To be replaced, which is a CONFLICT otherwise.
	Overwrite bool
}

// ModeOperation makes a file Regular or Executable.
type ModeOperation struct {
	Path string
	Mode Mode
	Base *string
}

// RestoreOperation makes a file, or all of a folder ("" for the whole tree), what it was
// at a commit. A folder's files that weren't there then are deleted.
type RestoreOperation struct {
	Path   string
	Commit string
	Base   *string
	// Tree says that Path is a folder.
	Tree bool
}

// check refuses what no state of the project could make right.
func (o Operation) check() error {
	set := 0
	for _, is := range []bool{o.Write != nil, o.Delete != nil, o.Move != nil, o.Copy != nil, o.SetMode != nil, o.Restore != nil} {
		if is {
			set++
		}
	}
	if set != 1 {
		return problem.BadField("changes", "a change is exactly one of write, delete, move, copy and setMode")
	}
	switch {
	case o.Write != nil:
		return o.Write.check()
	case o.Delete != nil:
		return CheckPath(o.Delete.Path)
	case o.Move != nil:
		return o.Move.check()
	case o.Copy != nil:
		return o.Copy.check()
	case o.SetMode != nil:
		if o.SetMode.Mode != Regular && o.SetMode.Mode != Executable {
			return problem.BadField("mode", "a file becomes REGULAR or EXECUTABLE; a link is written with its target")
		}
		return CheckPath(o.SetMode.Path)
	}
	if o.Restore.Tree && o.Restore.Path == "" {
		return nil
	}
	return CheckPath(o.Restore.Path)
}

func (o *WriteOperation) check() error {
	if err := CheckPath(Normal(o.Path)); err != nil {
		return err
	}
	if len(o.Content) > MaxFile {
		return problem.BadField("text", "a file can have %d bytes at most", MaxFile)
	}
	if o.Mode == Symlink {
		if err := checkTarget(o.Content); err != nil {
			return err
		}
		if LeadsOut(o.Path, o.Content) {
			return problem.BadField("text", "a link's target stays inside the project: it is relative to the link's own folder")
		}
	}
	return nil
}

func (o *MoveOperation) check() error {
	if err := CheckPath(o.From); err != nil {
		return asField(err, "from")
	}
	return asField(CheckPath(Normal(o.To)), "to")
}

// asField names another input field in an error.
func asField(err error, field string) error {
	p := problem.As(err)
	if p == nil {
		return err
	}
	moved := *p
	moved.Field = field
	return &moved
}
