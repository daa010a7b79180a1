package merge

import (
	"context"
	"fmt"
	"unicode/utf8"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	entmerge "github.com/zeblit/zeblit/ent/merge"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/workspace"
)

// Decision is what becomes of a path: exactly one of Text, Side and Delete.
type Decision struct {
	Path   string
	Text   *string
	Side   *enum.MergeSide
	Delete bool
}

// Resolve decides all conflicts of the viewer's merge, and queues it again. The decisions
// are committed on the source, whose hash is commit. People may write to other paths as
// well; an agent decides on those in conflict alone, since it has other tools to write with.
// It needs the role EDITOR; the errors have the fields "mergeId" and "files".
func (s *Service) Resolve(ctx context.Context, id string, decisions []Decision, message string) (m *ent.Merge, commit string, err error) {
	viewer, err := access.RequireViewer(ctx)
	if err != nil {
		return nil, "", err
	}
	if len(message) > maxMessage || !utf8.ValidString(message) {
		return nil, "", problem.BadField("message", "a message can have %d bytes of valid UTF-8 at most", maxMessage)
	}
	err = s.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if m, err = s.editable(ctx, tx, id); err != nil {
			return err
		}
		if err := resolvable(m); err != nil {
			return err
		}
		// Branches are locked before merges, as where one is queued: and what the merge has
		// come to while we waited counts.
		if err := s.files.RequireBranches(ctx, tx, m.ProjectID, m.Source, m.Target); err != nil {
			return err
		}
		if m, err = s.find(ctx, tx.Ent, id); err != nil {
			return err
		}
		if err := resolvable(m); err != nil {
			return err
		}
		changes, err := s.changes(m, decisions, viewer.Agent != "")
		if err != nil {
			return err
		}
		user, err := tx.Ent.User.Get(ctx, viewer.UserID)
		if err != nil {
			return fmt.Errorf("read the author: %w", err)
		}
		n, err := tx.Ent.Merge.Update().Where(entmerge.ID(m.ID), entmerge.StateEQ(enum.MergeConflicted), entmerge.Epoch(m.Epoch)).
			SetState(enum.MergeQueued).AddEpoch(1).SetAttempts(0).SetConflicts([]byte{}).Save(ctx)
		if err != nil {
			return fmt.Errorf("queue merge %s again: %w", m.ID, err)
		}
		if n == 0 {
			return problem.New(problem.Conflict, "the merge has gone on just now: look at it again")
		}
		if message == "" {
			message = fmt.Sprintf("Merge branch '%s' into %s", m.Target, m.Source)
		}
		author := workspace.Author{Name: user.Name, Email: user.Email, UserID: user.ID}
		commit, err = s.files.Resolve(ctx, tx, workspace.Branch{ProjectID: m.ProjectID, Name: m.Source},
			workspace.Resolution{MergeID: m.ID, Ours: m.Ours, Theirs: m.Theirs, Changes: changes}, author, message)
		if err != nil {
			return err
		}
		if m, err = tx.Ent.Merge.Get(ctx, m.ID); err != nil {
			return err
		}
		tx.AfterCommit(s.hint)
		return s.tell(ctx, tx, m, stream.Actor{UserID: viewer.UserID})
	})
	return m, commit, err
}

func resolvable(m *ent.Merge) error {
	if m.State == enum.MergeConflicted {
		return nil
	}
	return &problem.Error{Code: problem.Conflict, Field: "mergeId", Message: "the merge is " + string(m.State) + ": only one that is CONFLICTED can be resolved"}
}

// changes says the decisions in the words of a commit; strict: all of them are about paths
// in conflict.
func (s *Service) changes(m *ent.Merge, decisions []Decision, strict bool) ([]workspace.Change, error) {
	conflicts, err := Conflicts(m)
	if err != nil {
		return nil, err
	}
	open := map[string]*Conflict{}
	for i := range conflicts {
		open[conflicts[i].Path] = &conflicts[i]
	}
	known := map[string]*Conflict{}
	for path, c := range open {
		known[path] = c
	}
	var changes []workspace.Change
	for _, d := range decisions {
		if strict && known[d.Path] == nil {
			return nil, problem.BadField("files", "%s is not in conflict: decide only on paths that are", d.Path)
		}
		c, err := decide(d, known[d.Path])
		if err != nil {
			return nil, err
		}
		delete(open, d.Path)
		changes = append(changes, c)
	}
	for _, c := range conflicts {
		if open[c.Path] != nil {
			return nil, problem.BadField("files", "%d paths in conflict are not decided, among them %s", len(open), c.Path)
		}
	}
	return changes, nil
}

func decide(d Decision, c *Conflict) (workspace.Change, error) {
	given := 0
	for _, is := range []bool{d.Text != nil, d.Side != nil, d.Delete} {
		if is {
			given++
		}
	}
	change := workspace.Change{Path: d.Path}
	switch {
	case given != 1:
		return change, problem.BadField("files", "each path takes exactly one of text, side and delete")
	case d.Text != nil:
		if err := workspace.CheckText(*d.Text); err != nil {
			return change, err
		}
		change.Content = d.Text
	case d.Side != nil && c == nil:
		return change, problem.BadField("files", "%s is not in conflict, so it has no sides: give its text", d.Path)
	case d.Side != nil:
		if side := c.side(*d.Side); side != nil {
			change.Revision, change.Mode = side.Revision, workspace.Regular
			switch {
			case side.Executable():
				change.Mode = workspace.Executable
			case side.Link():
				change.Mode = workspace.Symlink
			}
		}
	}
	return change, nil
}
