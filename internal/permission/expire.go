package permission

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/approval"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
)

// Expire denies the questions that nobody has answered in time.
func (s *Service) Expire(ctx context.Context, waiting Waiting) error {
	late, err := s.DB.Ent.Approval.Query().
		Where(approval.StateEQ(enum.ApprovalPending), approval.ExpiresAtLTE(store.Now())).Limit(expiryBatch).All(ctx)
	if err != nil {
		return fmt.Errorf("look for questions without an answer: %w", err)
	}
	var failures []error
	for _, a := range late {
		err := s.DB.InTx(ctx, func(ctx context.Context, tx *store.Tx) error { return s.expire(ctx, tx, waiting, a) })
		if err != nil && !waiting.Moved(err) && !errors.Is(err, errAnswered) {
			failures = append(failures, err)
		}
	}
	return errors.Join(failures...)
}

func (s *Service) expire(ctx context.Context, tx *store.Tx, waiting Waiting, a *ent.Approval) error {
	text := fmt.Sprintf("Nobody has allowed this call until %s, so it is denied. They were asked because of %s. Do without it, or say what you need.", a.ExpiresAt.Format(time.RFC3339), a.Rule)
	if _, err := waiting.Answer(ctx, tx, a.ToolCallID, enum.ToolCallFailed, text, stream.Actor{}); err != nil {
		return err
	}
	n, err := tx.Ent.Approval.Update().Where(approval.ID(a.ID), approval.StateEQ(enum.ApprovalPending)).
		SetState(enum.ApprovalExpired).SetDecidedAt(store.Now()).Save(ctx)
	if err != nil {
		return err
	}
	if n == 0 {
		return errAnswered
	}
	return tell(ctx, tx, s.Log, a.ID)
}

// Cancel closes the questions of a run that ends, as a part of tx.
func Cancel(ctx context.Context, tx *store.Tx, log *stream.Log, runID string) error {
	open, err := tx.Ent.Approval.Query().Where(approval.RunID(runID), approval.StateEQ(enum.ApprovalPending)).All(ctx)
	if err != nil {
		return fmt.Errorf("look for the questions of run %s: %w", runID, err)
	}
	for _, a := range open {
		if err := tx.Ent.Approval.UpdateOneID(a.ID).SetState(enum.ApprovalCancelled).SetDecidedAt(store.Now()).Exec(ctx); err != nil {
			return err
		}
		if err := tell(ctx, tx, log, a.ID); err != nil {
			return err
		}
	}
	return nil
}

func tell(ctx context.Context, tx *store.Tx, log *stream.Log, id string) error {
	a, err := tx.Ent.Approval.Get(ctx, id)
	if err != nil {
		return err
	}
	handle, err := access.StreamWriter(ctx, tx.Ent, a.ProjectID)
	if err != nil {
		return err
	}
	log.Append(tx, handle, Event(enum.EventApprovalResolved, a, stream.Actor{}))
	return nil
}
