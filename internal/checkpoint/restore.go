package checkpoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/conversation"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/idempotency"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/workspace"
)

// Input is what to go back to, and how far.
type Input struct {
	CheckpointID        string
	Files, Conversation bool
	// Paths are the files and folders to restore; none are all.
	Paths []string
	// Branch is the one whose files are restored; nil is the checkpoint's own.
	Branch *string
	// Preview only tells what would happen.
	Preview bool
	// IdempotencyKey makes the same input do nothing again; "" is none.
	IdempotencyKey string
}

// Outcome is what going back did, or would do.
type Outcome struct {
	Checkpoint *ent.Checkpoint
	Applied    bool
	Files      []workspace.Difference
	// Messages is how many left the conversation's context, or came back into it.
	Messages int
	// Undo is nil for a preview.
	Undo *ent.Checkpoint
	// Commit is "" when no file changed, and for a preview.
	Commit string
}

// done is what is remembered of a keyed request.
type done struct {
	Undo, Before, Commit string
	Messages             int
}

// Restore goes back to a checkpoint in the viewer's name, who needs the role EDITOR. The
// errors are NOT_FOUND with the field "checkpointId" or "branch", BAD_USER_INPUT, and
// CONFLICT while the conversation has a run that hasn't ended, or commands write all the time.
func (s *Service) Restore(ctx context.Context, in Input) (*Outcome, error) {
	viewer, err := access.RequireViewer(ctx)
	if err != nil {
		return nil, err
	}
	if !in.Files && !in.Conversation {
		return nil, problem.BadField("files", "say what goes back: files, the conversation, or both")
	}
	if len(in.Paths) > 0 && !in.Files {
		return nil, problem.BadField("paths", "paths are of files: say that files go back too")
	}
	c, on, err := s.find(ctx, in)
	if err != nil {
		return nil, err
	}
	if in.Preview {
		return s.preview(ctx, viewer, c, on, in)
	}
	var out *Outcome
	for range snapshotTries {
		if out, err = s.tryRestore(ctx, viewer, c, on, in); !errors.Is(err, errOutdated) {
			return out, err
		}
	}
	return nil, &problem.Error{Code: problem.Conflict, Message: "commands are writing files: restore again when they have ended"}
}

// snapshotTries is how often files are looked at that change until they are held.
const snapshotTries = 5

// errOutdated says that ignored files have changed since their snapshot, from which going
// back is undone.
var errOutdated = errors.New("the worktree has changed since its snapshot")

// snapshot is a worktree as it was.
type snapshot struct{ commit, beside string }

func (s *Service) tryRestore(ctx context.Context, viewer *access.Viewer, c *ent.Checkpoint, on workspace.Branch, in Input) (*Outcome, error) {
	var was snapshot
	var err error
	if in.Files && s.trees != nil {
		if was.commit, was.beside, err = s.trees.Snapshot(ctx, on); err != nil {
			return nil, err
		}
	}
	out := &Outcome{Checkpoint: c}
	err = s.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := access.RequireRole(ctx, tx.Ent, c.ProjectID, enum.ProjectEditor); err != nil {
			return err
		}
		memory, repeated, err := idempotency.Do(ctx, tx, "restoreCheckpoint", in.IdempotencyKey, in, func() (string, error) {
			d, err := s.restore(ctx, tx, viewer, c, on, in, was, out)
			if err != nil {
				return "", err
			}
			text, err := json.Marshal(d)
			return string(text), err
		})
		if err != nil {
			return err
		}
		if repeated {
			return s.recall(ctx, tx, memory, out)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (s *Service) find(ctx context.Context, in Input) (*ent.Checkpoint, workspace.Branch, error) {
	c, err := s.db.Ent.Checkpoint.Get(ctx, in.CheckpointID)
	if ent.IsNotFound(err) || store.Unfit(err) {
		return nil, workspace.Branch{}, problem.Missing("checkpointId", "checkpoint")
	}
	if err != nil {
		return nil, workspace.Branch{}, err
	}
	on := workspace.Branch{ProjectID: c.ProjectID, Name: c.Branch}
	if in.Branch != nil {
		on.Name = *in.Branch
	}
	if on.Name == workspace.MainBranch {
		on.Name = ""
	}
	gone, err := s.isGone(ctx, c)
	if err != nil {
		return nil, on, err
	}
	if in.Conversation && gone {
		return nil, on, problem.BadField("conversation", "the checkpoint is of no conversation, or of one that is gone")
	}
	return c, on, nil
}

// isGone says whether the checkpoint is of no conversation that the viewer can read.
func (s *Service) isGone(ctx context.Context, c *ent.Checkpoint) (bool, error) {
	if c.ConversationID == nil {
		return true, nil
	}
	there, err := s.db.Ent.Conversation.Query().Where(conversation.ID(*c.ConversationID)).Exist(ctx)
	return !there, err
}

// restore does it.
func (s *Service) restore(ctx context.Context, tx *store.Tx, viewer *access.Viewer, c *ent.Checkpoint, on workspace.Branch, in Input, was snapshot, out *Outcome) (*done, error) {
	talk, err := s.hold(ctx, tx, c)
	if err != nil {
		return nil, err
	}
	point := Point{On: on, Worktree: was.commit, Reason: "before going back to " + c.ID}
	if talk != nil {
		point.ConversationID, point.Position = talk.ID, talk.NextPosition
	}
	if in.Files && s.trees != nil {
		beside, err := s.trees.Hold(ctx, tx, on)
		if err != nil {
			return nil, fmt.Errorf("hold the worktree of %s: %w", c.ID, err)
		}
		if beside != was.beside {
			return nil, errOutdated
		}
	}
	d := &done{}
	if d.Before, err = s.files.TipTx(ctx, tx, on); err != nil {
		return nil, err
	}
	if out.Undo, err = s.Record(ctx, tx, point); err != nil {
		return nil, err
	}
	d.Undo, out.Applied = out.Undo.ID, true
	if in.Files {
		if err := s.restoreFiles(ctx, tx, viewer, c, on, in, out); err != nil {
			return nil, err
		}
	}
	if in.Conversation && talk != nil {
		if out.Messages, err = goBack(ctx, tx, talk, c); err != nil {
			return nil, err
		}
	}
	d.Commit, d.Messages = out.Commit, out.Messages
	handle, err := access.StreamWriter(ctx, tx.Ent, c.ProjectID)
	if err != nil {
		return nil, err
	}
	told := stream.RestorePayload{
		V: 1, CheckpointID: c.ID, UndoID: d.Undo, Branch: branchName(on), Commit: d.Commit, Actor: &stream.Actor{UserID: viewer.UserID},
	}
	if in.Conversation && talk != nil {
		told.ConversationID = talk.ID
	}
	s.log.Append(tx, handle, stream.Draft{Type: enum.EventCheckpointRestored, Payload: told})
	return d, nil
}

func branchName(on workspace.Branch) string {
	if on.Name == "" {
		return workspace.MainBranch
	}
	return on.Name
}

// hold keeps the checkpoint's conversation as it is until tx ends, and refuses one that
// is busy. nil: it is of none, or of one that is deleted.
func (s *Service) hold(ctx context.Context, tx *store.Tx, c *ent.Checkpoint) (*ent.Conversation, error) {
	if c.ConversationID == nil {
		return nil, nil
	}
	// Whoever adds a message writes into the conversation's row.
	talk, err := tx.Ent.Conversation.UpdateOneID(*c.ConversationID).AddNextPosition(0).Save(access.As(ctx, access.Engine))
	if err != nil {
		return nil, fmt.Errorf("hold the conversation: %w", err)
	}
	if talk.DeletedAt != nil {
		return nil, nil
	}
	return talk, calm(ctx, tx.Ent, talk)
}

func (s *Service) restoreFiles(ctx context.Context, tx *store.Tx, viewer *access.Viewer, c *ent.Checkpoint, on workspace.Branch, in Input, out *Outcome) error {
	wanted, err := wantedFiles(ctx, tx.Ent, viewer, c, on, in)
	if err != nil {
		return err
	}
	back, err := s.files.Restoring(ctx, tx, wanted)
	if err != nil {
		return err
	}
	out.Files = back.Files
	if len(back.Files) > 0 {
		out.Commit = back.Commit
		if err := back.Land(ctx, tx); err != nil {
			return err
		}
	}
	if s.trees != nil {
		return s.restoreWorktree(ctx, tx, c, on, in.Paths)
	}
	return nil
}

func (s *Service) restoreWorktree(ctx context.Context, tx *store.Tx, c *ent.Checkpoint, on workspace.Branch, paths []string) error {
	worktree, err := s.files.CheckpointWorktree(ctx, tx, c.ProjectID, c.ID)
	if err != nil {
		return err
	}
	if worktree == "" { // it had none, so there was nothing beside the branch's files
		worktree = c.Hash
	}
	if err := s.trees.Restore(ctx, tx, on, worktree, paths); err != nil {
		return fmt.Errorf("restore the worktree of %s: %w", c.ID, err)
	}
	return nil
}

// recall tells again what a request did.
func (s *Service) recall(ctx context.Context, tx *store.Tx, memory string, out *Outcome) error {
	var d done
	err := json.Unmarshal([]byte(memory), &d)
	if err != nil {
		return fmt.Errorf("recall a restore: %w", err)
	}
	out.Applied, out.Commit, out.Messages = true, d.Commit, d.Messages
	if out.Undo, err = tx.Ent.Checkpoint.Get(ctx, d.Undo); err != nil && !ent.IsNotFound(err) {
		return err
	}
	if d.Commit != "" {
		out.Files, err = s.files.CompareTx(ctx, tx, out.Checkpoint.ProjectID, d.Before, d.Commit)
		return err
	}
	return nil
}
