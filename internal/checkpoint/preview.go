package checkpoint

import (
	"context"
	"fmt"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/message"
	"github.com/zeblit/zeblit/ent/run"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/workspace"
)

// preview tells what going back would do, as things are now. It reads, and holds nothing.
func (s *Service) preview(ctx context.Context, viewer *access.Viewer, c *ent.Checkpoint, on workspace.Branch, in Input) (*Outcome, error) {
	if err := access.RequireRole(ctx, s.db.Ent, c.ProjectID, enum.ProjectEditor); err != nil {
		return nil, err
	}
	talk, err := s.talk(ctx, c)
	if err != nil {
		return nil, err
	}
	out := &Outcome{Checkpoint: c}
	if in.Files {
		wanted, err := wantedFiles(ctx, s.db.Ent, viewer, c, on, in)
		if err != nil {
			return nil, err
		}
		if out.Files, err = s.files.WouldRestore(ctx, wanted); err != nil {
			return nil, err
		}
	}
	if in.Conversation && talk != nil {
		_, leaves, returns := moved(talk, c)
		out.Messages, err = s.db.Ent.Message.Query().Where(message.Or(leaves, returns)).Count(access.As(ctx, access.Engine))
		if err != nil {
			return nil, fmt.Errorf("count the messages that go back: %w", err)
		}
	}
	return out, nil
}

// talk is hold without holding.
func (s *Service) talk(ctx context.Context, c *ent.Checkpoint) (*ent.Conversation, error) {
	if c.ConversationID == nil {
		return nil, nil
	}
	talk, err := s.db.Ent.Conversation.Get(access.As(ctx, access.Engine), *c.ConversationID)
	if err != nil {
		return nil, fmt.Errorf("read the conversation: %w", err)
	}
	if talk.DeletedAt != nil {
		return nil, nil
	}
	return talk, calm(ctx, s.db.Ent, talk)
}

// calm refuses a conversation that has a run under way.
func calm(ctx context.Context, c *ent.Client, talk *ent.Conversation) error {
	busy, err := c.Run.Query().Where(run.ConversationID(talk.ID), run.StateNotIn(enum.RunSucceeded, enum.RunFailed, enum.RunCancelled)).First(ctx)
	if ent.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return problem.New(problem.Conflict, "the conversation is busy: run %s is %s. Cancel it first, or wait for its end", busy.ID, busy.State)
}

// wantedFiles is what files are to be restored, in the viewer's name.
func wantedFiles(ctx context.Context, client *ent.Client, viewer *access.Viewer, c *ent.Checkpoint, on workspace.Branch, in Input) (workspace.Restore, error) {
	user, err := client.User.Get(ctx, viewer.UserID)
	if err != nil {
		return workspace.Restore{}, fmt.Errorf("read the author: %w", err)
	}
	return workspace.Restore{
		On: on, Commit: c.Hash, Paths: in.Paths, Message: "Restore files as they were " + c.Reason,
		Author: workspace.Author{Name: user.Name, Email: user.Email, UserID: user.ID},
	}, nil
}
