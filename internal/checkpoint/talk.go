package checkpoint

import (
	"context"
	"fmt"
	"time"

	"github.com/zeblit/zeblit/ent"
	entcheckpoint "github.com/zeblit/zeblit/ent/checkpoint"
	"github.com/zeblit/zeblit/ent/message"
	"github.com/zeblit/zeblit/ent/predicate"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/workspace"
)

// Retract takes the messages of a conversation from a position on out of its context, as
// a part of tx, and returns the checkpoint that takes them back. The caller holds the
// conversation's row, and nothing works in it.
func (s *Service) Retract(ctx context.Context, tx *store.Tx, talk *ent.Conversation, position int, reason string) (undo *ent.Checkpoint, err error) {
	undo, err = s.Record(ctx, tx, Point{
		On: workspace.Branch{ProjectID: talk.ProjectID, Name: talk.Branch}, ConversationID: talk.ID, Position: talk.NextPosition, Reason: reason,
	})
	if err != nil {
		return nil, err
	}
	_, err = goBack(ctx, tx, talk, &ent.Checkpoint{Position: position, Retracted: talk.Retracted})
	return undo, err
}

// CommitAt is the commit that a branch was at at a time: what the first checkpoint after it
// has recorded, or else the branch's tip, and from there back to what is not younger. ""
// where there was none. The caller has checked that it may be.
func (s *Service) CommitAt(ctx context.Context, tx *store.Tx, on workspace.Branch, when time.Time) (string, error) {
	tip, err := s.files.TipTx(ctx, tx, on)
	if err != nil {
		return "", err
	}
	next, err := tx.Ent.Checkpoint.Query().
		Where(entcheckpoint.ProjectID(on.ProjectID), entcheckpoint.Branch(on.Name), entcheckpoint.CreatedAtGTE(when)).
		Order(ent.Asc(entcheckpoint.FieldCreatedAt, entcheckpoint.FieldID)).First(ctx)
	switch {
	case err == nil:
		tip = next.Hash
	case !ent.IsNotFound(err):
		return "", fmt.Errorf("look for a checkpoint of %s: %w", on.Name, err)
	case tip == "" && on.Name != "": // it was merged and deleted
		return s.CommitAt(ctx, tx, workspace.Branch{ProjectID: on.ProjectID}, when)
	}
	return s.files.AtTx(ctx, tx, on.ProjectID, tip, when)
}

// goBack makes of a conversation's context what it was at the checkpoint, and returns how
// many messages that changes.
func goBack(ctx context.Context, tx *store.Tx, talk *ent.Conversation, c *ent.Checkpoint) (int, error) {
	ctx = access.As(ctx, access.Engine)
	out, leaves, returns := moved(talk, c)
	gone, err := tx.Ent.Message.Update().Where(leaves).SetRetracted(true).Save(ctx)
	if err != nil {
		return 0, fmt.Errorf("retract messages: %w", err)
	}
	// What has just left is among out, so it doesn't come back here.
	back, err := tx.Ent.Message.Update().Where(returns).SetRetracted(false).Save(ctx)
	if err != nil {
		return 0, fmt.Errorf("take messages back: %w", err)
	}
	if err := tx.Ent.Conversation.UpdateOneID(talk.ID).SetRetracted(out).Exec(ctx); err != nil {
		return 0, fmt.Errorf("note what was retracted: %w", err)
	}
	return gone + back, nil
}

// moved is what is out of a conversation's context once it is what it was at the checkpoint,
// and the messages that leave it, and return to it, by that.
func moved(talk *ent.Conversation, c *ent.Checkpoint) (out [][2]int, leaves, returns predicate.Message) {
	out = without(c.Retracted, c.Position, talk.NextPosition)
	leaves = message.And(message.ConversationID(talk.ID), message.Retracted(false), within(out))
	returns = message.And(message.ConversationID(talk.ID), message.Retracted(true), message.Not(within(out)))
	return out, leaves, returns
}

// without is the ranges that are out of the context when all from position on are, up to
// end: those before, and that one. Each range stays by itself, since its end tells when it
// left: what was said then was said without it.
func without(retracted [][2]int, position, end int) [][2]int {
	out := [][2]int{}
	for _, r := range retracted {
		if r[1] = min(r[1], position); r[0] < r[1] {
			out = append(out, r)
		}
	}
	if position < end {
		out = append(out, [2]int{position, end})
	}
	return out
}

func within(ranges [][2]int) predicate.Message {
	any := []predicate.Message{message.PositionLT(0)} // none
	for _, r := range ranges {
		any = append(any, message.And(message.PositionGTE(r[0]), message.PositionLT(r[1])))
	}
	return message.Or(any...)
}
