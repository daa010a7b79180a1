package conversation

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/zeblit/zeblit/ent"
	entconversation "github.com/zeblit/zeblit/ent/conversation"
	"github.com/zeblit/zeblit/ent/enum"
	entrun "github.com/zeblit/zeblit/ent/run"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/relay"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
)

// find is a conversation for the viewer, who needs the role EDITOR. NOT_FOUND says of one
// that was deleted that it was, to the people of its project alone.
func find(ctx context.Context, client *ent.Client, id string) (*ent.Conversation, error) {
	if relay.IDPrefix(id) == "" {
		return nil, problem.Missing("conversationId", "conversation")
	}
	c, err := client.Conversation.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, lost(ctx, client, id)
	}
	if err != nil {
		return nil, err
	}
	return c, access.RequireRole(ctx, client, c.ProjectID, enum.ProjectEditor)
}

// lost says why the viewer finds no such conversation.
func lost(ctx context.Context, client *ent.Client, id string) error {
	c, err := client.Conversation.Query().Where(entconversation.ID(id), entconversation.DeletedAtNotNil()).Only(access.As(ctx, access.Engine))
	if ent.IsNotFound(err) {
		return problem.Missing("conversationId", "conversation")
	}
	if err != nil {
		return err
	}
	switch err := access.RequireRole(ctx, client, c.ProjectID, enum.ProjectViewer); {
	case problem.Is(err, problem.NotFound):
		return problem.Missing("conversationId", "conversation")
	case err != nil:
		return err
	}
	return deleted(c)
}

func deleted(c *ent.Conversation) error {
	return &problem.Error{
		Code: problem.NotFound, Field: "conversationId",
		Message: "the conversation was deleted on " + c.DeletedAt.UTC().Format("2006-01-02") + ": begin another",
	}
}

// Rename gives a conversation another title. It needs the role EDITOR.
func (s *Service) Rename(ctx context.Context, id, title string) (c *ent.Conversation, err error) {
	viewer, err := access.RequireViewer(ctx)
	if err != nil {
		return nil, err
	}
	err = s.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if c, err = find(ctx, tx.Ent, id); err != nil {
			return err
		}
		if title, err = checkTitle(title); err != nil {
			return err
		}
		if c, err = tx.Ent.Conversation.UpdateOneID(c.ID).SetTitle(title).Save(ctx); err != nil {
			return err
		}
		if c.DeletedAt != nil { // just now
			return deleted(c)
		}
		return s.tell(ctx, tx, c, viewer)
	})
	return c, err
}

func checkTitle(title string) (string, error) {
	title = strings.TrimSpace(title)
	switch {
	case !utf8.ValidString(title) || strings.ContainsFunc(title, unicode.IsControl):
		return "", problem.BadField("title", "a title is one line of valid UTF-8 without control characters")
	case title == "" || utf8.RuneCountInString(title) > maxTitle:
		return "", problem.BadField("title", "a title has 1 to %d characters", maxTitle)
	}
	return title, nil
}

// tell announces a conversation as it is now.
func (s *Service) tell(ctx context.Context, tx *store.Tx, c *ent.Conversation, by *access.Viewer) error {
	handle, err := access.StreamWriter(ctx, tx.Ent, c.ProjectID)
	if err != nil {
		return err
	}
	s.log.Append(tx, handle, stream.Draft{Type: enum.EventConversationChanged, Payload: stream.ConversationPayload{
		V: 1, Conversation: c, Deleted: c.DeletedAt != nil, Actor: &stream.Actor{UserID: by.UserID},
	}})
	return nil
}

// Delete deletes a conversation, and cancels what works in it. Nobody reads it or its
// messages from then on; its runs stay. It needs the role EDITOR.
func (s *Service) Delete(ctx context.Context, id string) (projectID string, err error) {
	viewer, err := access.RequireViewer(ctx)
	if err != nil {
		return "", err
	}
	err = s.again(ctx, func(ctx context.Context, tx *store.Tx) error {
		c, err := find(ctx, tx.Ent, id)
		if err != nil {
			return err
		}
		projectID = c.ProjectID
		// Rows of runs are locked ahead of the conversation's, as workers do it.
		if err := s.runs.CancelAll(ctx, tx, c.ID, stream.Actor{UserID: viewer.UserID}); err != nil {
			return err
		}
		n, err := tx.Ent.Conversation.Update().Where(entconversation.ID(c.ID), entconversation.DeletedAtIsNil()).SetDeletedAt(store.Now()).Save(ctx)
		if err != nil {
			return err
		}
		if n == 0 {
			return errAgain // another was first
		}
		late, err := tx.Ent.Run.Query().Where(entrun.ConversationID(c.ID), entrun.CancelRequested(false),
			entrun.StateNotIn(enum.RunSucceeded, enum.RunFailed, enum.RunCancelled)).Exist(ctx)
		if err != nil {
			return err
		}
		if late {
			return errAgain
		}
		if c, err = tx.Ent.Conversation.Get(access.As(ctx, access.Engine), c.ID); err != nil {
			return err
		}
		return s.tell(ctx, tx, c, viewer)
	})
	return projectID, err
}
