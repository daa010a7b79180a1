package workspace

import (
	"context"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/zeblit/zeblit/internal/problem"
)

// Restore makes a file, a folder or the whole tree what it was at another commit, as a
// new commit: history only grows.
func (w *Workspace) Restore(ctx context.Context, on Branch, o RestoreOperation, message, idempotencyKey string) (commit string, err error) {
	if err := w.MayWrite(ctx, on.ProjectID); err != nil {
		return "", err
	}
	if err := (Operation{Restore: &o}).check(); err != nil {
		return "", err
	}
	operation := "restoreFile"
	if o.Tree {
		operation = "restoreTree"
	}
	return w.change(ctx, operation, Batch{
		On: on, Operations: []Operation{{Restore: &o}}, Message: message, IdempotencyKey: idempotencyKey,
	})
}

func (s *sketch) restore(o *RestoreOperation) error {
	hash, ok := parseHash(o.Commit)
	if !ok {
		return problem.BadField("revision", "a revision is the full hash of a commit")
	}
	found, err := s.objs.exists(plumbing.CommitObject, hash)
	if err != nil {
		return err
	}
	if !found {
		return problem.Missing("revision", "commit")
	}
	root, err := rootOf(s.objs, hash)
	if err != nil {
		return err
	}
	then := &sketch{objs: s.objs, root: root}
	if !o.Tree {
		path, _, err := s.guarded(o.Path, o.Base)
		if err != nil {
			return err
		}
		named, file, err := then.named(o.Path)
		switch {
		case err != nil:
			return err
		case !file.exists():
			return problem.Missing("path", "file at that commit")
		case named != path:
			path = named
		}
		s.files[path] = file
		return nil
	}
	was, err := then.below(o.Path)
	if err != nil {
		return err
	}
	if len(was) == 0 && o.Path != "" {
		return problem.Missing("path", "folder at that commit")
	}
	is, err := s.below(o.Path)
	if err != nil {
		return err
	}
	for path := range is {
		if _, stays := was[path]; !stays {
			s.files[path] = planned{}
		}
	}
	for path, file := range was {
		if is[path].entry.Hash != file.entry.Hash || is[path].entry.Mode != file.entry.Mode {
			s.files[path] = file
		}
	}
	return nil
}
