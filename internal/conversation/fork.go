package conversation

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	entmessage "github.com/zeblit/zeblit/ent/message"
	entrun "github.com/zeblit/zeblit/ent/run"
	enttoolcall "github.com/zeblit/zeblit/ent/toolcall"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/idempotency"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/relay"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/workspace"
)

const (
	// maxCopied is how many messages a fork begins with at most.
	maxCopied = 5000
	// copiedAtOnce bounds one statement.
	copiedAtOnce = 100
)

// Fork begins a conversation that goes on from a message, on a branch of its own that
// begins with the files as they were at that message. It needs the role EDITOR. CONFLICT
// while the message, or one before it, is still being written or waits for its tool calls.
func (s *Service) Fork(ctx context.Context, in ForkInput) (*ent.Conversation, error) {
	viewer, err := access.RequireViewer(ctx)
	if err != nil {
		return nil, err
	}
	var id string
	err = s.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		id, _, err = idempotency.Do(ctx, tx, "forkConversation", in.IdempotencyKey, in, func() (string, error) {
			return s.fork(ctx, tx, viewer, in)
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.db.Ent.Conversation.Get(ctx, id)
}

func (s *Service) fork(ctx context.Context, tx *store.Tx, viewer *access.Viewer, in ForkInput) (string, error) {
	from, err := findMessage(ctx, tx.Ent, in.MessageID)
	if err != nil {
		return "", err
	}
	talk, err := tx.Ent.Conversation.Get(ctx, from.ConversationID)
	if err != nil {
		return "", err
	}
	title := talk.Title
	if in.Title != "" {
		if title, err = checkTitle(in.Title); err != nil {
			return "", err
		}
	}
	if from.Status == enum.MessageStreaming {
		return "", unfinished(from)
	}
	copied, err := s.upTo(ctx, tx, talk, from)
	if err != nil {
		return "", err
	}
	moment, err := s.moment(ctx, tx, from, copied)
	if err != nil {
		return "", err
	}
	commit, err := s.commitAt(ctx, tx, talk, from, moment)
	if err != nil {
		return "", err
	}
	id := relay.NewID("cnv")
	on := workspace.Branch{ProjectID: talk.ProjectID, Name: workspace.ForkBranch(id)}
	user, err := tx.Ent.User.Get(ctx, viewer.UserID)
	if err != nil {
		return "", fmt.Errorf("read the author: %w", err)
	}
	near := workspace.Branch{ProjectID: talk.ProjectID, Name: talk.Branch}
	if err := s.files.ForkTx(ctx, tx, on, near, commit, workspace.Author{Name: user.Name, Email: user.Email, UserID: user.ID}); err != nil {
		return "", err
	}
	made, err := tx.Ent.Conversation.Create().SetID(id).SetProjectID(talk.ProjectID).SetAuthorID(viewer.UserID).SetTitle(title).
		SetBranch(on.Name).SetForkedFromID(from.ID).SetNextPosition(len(copied)).Save(ctx)
	if err != nil {
		return "", fmt.Errorf("begin a fork: %w", err)
	}
	if err := copyAll(ctx, tx, made, copied); err != nil {
		return "", err
	}
	return id, s.tell(ctx, tx, made, viewer)
}

func unfinished(m *ent.Message) error {
	return &problem.Error{Code: problem.Conflict, Field: "messageId",
		Message: "message " + m.ID + " is still being worked on: wait for the end of it and of its tool calls, or fork from an earlier one"}
}

// upTo lists what was in the conversation's context when a message was, with it: of one
// that has left the context since, what it answered then.
func (s *Service) upTo(ctx context.Context, tx *store.Tx, talk *ent.Conversation, from *ent.Message) ([]*ent.Message, error) {
	// past is the first position from at on that was not out of the context then.
	past := func(at int) int {
		for moved := true; moved; {
			moved = false
			for _, out := range talk.Retracted {
				if out[1] <= from.Position && out[0] <= at && at < out[1] {
					at, moved = out[1], true
				}
			}
		}
		return at
	}
	var all []*ent.Message
	for next := past(0); len(all) <= maxCopied; next = past(next) {
		some, err := tx.Ent.Message.Query().
			Where(entmessage.ConversationID(talk.ID), entmessage.PositionGTE(next), entmessage.PositionLTE(from.Position), entmessage.StatusNEQ(enum.MessageStreaming)).
			Order(ent.Asc(entmessage.FieldPosition)).Limit(copiedAtOnce).All(ctx)
		if err != nil {
			return nil, fmt.Errorf("read what is to be copied: %w", err)
		}
		if len(some) == 0 {
			return all, nil
		}
		next = some[len(some)-1].Position + 1
		all = append(all, slices.DeleteFunc(some, func(m *ent.Message) bool { return past(m.Position) != m.Position })...)
	}
	return nil, problem.New(problem.PreconditionFailed, "a fork begins with at most %d messages", maxCopied)
}

// moment is when a message was whole, and what it asked for done. CONFLICT: one of those
// that are copied is not.
func (s *Service) moment(ctx context.Context, tx *store.Tx, from *ent.Message, copied []*ent.Message) (time.Time, error) {
	ids := make([]string, len(copied))
	byID := map[string]*ent.Message{}
	for i, m := range copied {
		ids[i] = original(m)
		byID[ids[i]] = m
	}
	for some := range slices.Chunk(ids, copiedAtOnce) {
		open, err := tx.Ent.ToolCall.Query().Where(enttoolcall.MessageIDIn(some...), enttoolcall.FinishedAtIsNil()).First(ctx)
		if err == nil {
			return time.Time{}, unfinished(byID[open.MessageID])
		}
		if !ent.IsNotFound(err) {
			return time.Time{}, fmt.Errorf("look for open tool calls: %w", err)
		}
	}
	when := from.CreatedAt
	if from.Role == enum.RoleAssistant && from.CompletedAt != nil {
		when = *from.CompletedAt
	}
	last, err := tx.Ent.ToolCall.Query().Where(enttoolcall.MessageID(original(from))).Order(ent.Desc(enttoolcall.FieldFinishedAt)).First(ctx)
	if ent.IsNotFound(err) {
		return when, nil
	}
	if err != nil {
		return when, err
	}
	if last.FinishedAt.After(when) {
		when = *last.FinishedAt
	}
	return when, nil
}

// original is the message whose tool calls are this one's too.
func original(m *ent.Message) string { return cmp.Or(m.CopyOfID, m.ID) }

// commitAt is the commit whose files were there at a moment for whom a message is of: its
// run's, or else its conversation's. Of what a fork has copied it is the commit that the
// fork began at, or what the original's branch was at then.
func (s *Service) commitAt(ctx context.Context, tx *store.Tx, talk *ent.Conversation, from *ent.Message, when time.Time) (string, error) {
	on := workspace.Branch{ProjectID: talk.ProjectID, Name: talk.Branch}
	run := cmp.Or(from.TurnID, deref(from.RunID))
	if run != "" {
		r, err := tx.Ent.Run.Query().Where(entrun.ID(run)).Only(ctx)
		switch {
		case err == nil:
			on.Name = r.Branch
		case !ent.IsNotFound(err):
			return "", err
		}
	}
	return s.checkpoints.CommitAt(ctx, tx, on, when)
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// copyAll writes the messages of a fork. What they asked tools for stays with the
// originals, which never change. The caller has checked that it may be.
func copyAll(ctx context.Context, tx *store.Tx, into *ent.Conversation, all []*ent.Message) error {
	ctx = access.As(ctx, access.Engine)
	var rows []*ent.MessageCreate
	for i, m := range all {
		row := tx.Ent.Message.Create().SetConversationID(into.ID).SetProjectID(into.ProjectID).
			SetRole(m.Role).SetStatus(m.Status).SetText(m.Text).SetPosition(i).SetStep(m.Step).SetNillableSeenStep(m.SeenStep).
			SetNillableAuthorID(m.AuthorID).SetNillableAgentID(m.AgentID).SetDemo(m.Demo).SetSenderRunID(m.SenderRunID).
			SetCopyOfID(original(m)).SetTurnID(cmp.Or(m.TurnID, deref(m.RunID))).
			SetCreatedAt(m.CreatedAt).SetNillableCompletedAt(m.CompletedAt)
		if len(m.Carry) > 0 {
			row.SetCarry(m.Carry)
		}
		rows = append(rows, row)
	}
	for some := range slices.Chunk(rows, copiedAtOnce) {
		if err := tx.Ent.Message.CreateBulk(some...).Exec(ctx); err != nil {
			return fmt.Errorf("copy messages: %w", err)
		}
	}
	return nil
}
