package command

import (
	"context"
	"errors"
	"fmt"

	"entgo.io/ent/dialect/sql"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/command"
	"github.com/zeblit/zeblit/ent/enum"
	entsandbox "github.com/zeblit/zeblit/ent/sandbox"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
)

// bury records the end of commands whose host is gone, and what became of its sandboxes.
func (h *Host) bury(ctx context.Context) error {
	rows, err := h.db.Ent.Sandbox.Query().Where(
		entsandbox.HolderNEQ(""), entsandbox.HolderNEQ(h.id),
		func(s *sql.Selector) {
			s.Where(sql.ExprP(fmt.Sprintf("%s < %s", s.C(entsandbox.FieldHeldUntil), store.NowMillis(h.db.Dialect))))
		},
	).All(ctx)
	if err != nil {
		return fmt.Errorf("look for abandoned sandboxes: %w", err)
	}
	var failed []error
	for _, row := range rows {
		failed = append(failed, h.buryOne(ctx, row))
	}
	return errors.Join(append(failed, h.buryUnheld(ctx))...)
}

// buryUnheld ends commands of hosts that were gone before they had a sandbox.
func (h *Host) buryUnheld(ctx context.Context) error {
	lost, err := h.db.Ent.Command.Query().Where(
		command.StateEQ(enum.CommandRunning), command.HolderNEQ(h.id), command.StartedAtLT(store.Now().Add(-5*heldFor)),
		func(s *sql.Selector) {
			box := sql.Table(entsandbox.Table).As("box")
			s.Where(sql.NotExists(sql.Select(box.C(entsandbox.FieldID)).From(box).Where(sql.ColumnsEQ(box.C(entsandbox.FieldHolder), s.C(command.FieldHolder)))))
		},
	).All(ctx)
	if err != nil {
		return fmt.Errorf("look for abandoned commands: %w", err)
	}
	for _, c := range lost {
		err := h.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
			handle, err := access.StreamWriter(ctx, tx.Ent, c.ProjectID)
			if err != nil {
				return err
			}
			return h.lose(ctx, tx, handle, c, hostGone)
		})
		if err != nil && !errors.Is(err, errNotMine) {
			return err
		}
	}
	return nil
}

// loseAll ends the commands of a project whose host is gone.
func (h *Host) loseAll(ctx context.Context, tx *store.Tx, projectID, holder string) error {
	lost, err := tx.Ent.Command.Query().Where(command.StateEQ(enum.CommandRunning), command.Holder(holder), command.ProjectID(projectID)).All(ctx)
	if err != nil || len(lost) == 0 {
		return err
	}
	handle, err := access.StreamWriter(ctx, tx.Ent, projectID)
	if err != nil {
		return err
	}
	for _, c := range lost {
		if err := h.lose(ctx, tx, handle, c, hostGone); err != nil {
			return err
		}
	}
	return nil
}

// hostGone is told of commands whose server is gone.
const hostGone = "The server that ran it stopped at once. What it changed after its sandbox was last looked at may be lost, and it is not known how far it came."

// lose records that nobody knows how far a command came; note says why.
func (h *Host) lose(ctx context.Context, tx *store.Tx, handle access.StreamHandle, c *ent.Command, note string) error {
	err := mine(ctx, tx, c, func(u *ent.CommandUpdate) {
		u.SetState(enum.CommandLost).SetFinishedAt(store.Now()).SetNote(note)
	})
	if err != nil {
		return err
	}
	if c, err = tx.Ent.Command.Get(ctx, c.ID); err != nil {
		return err
	}
	h.log.Append(tx, handle, told(enum.EventCommandFinished, c, stream.Actor{UserID: c.UserID}))
	tx.AfterCommit(func() { h.told(c.ID) })
	return nil
}

func (h *Host) buryOne(ctx context.Context, row *ent.Sandbox) error {
	return h.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		n, err := tx.Ent.Sandbox.Update().Where(entsandbox.ID(row.ID), entsandbox.Holder(row.Holder), entsandbox.HeldUntil(row.HeldUntil)).
			SetHolder("").SetHeldUntil(0).SetState(enum.SandboxUnreachable).SetReason("the server that had it doesn't answer.").Save(ctx)
		if err != nil || n == 0 {
			return err
		}
		handle, err := access.StreamWriter(ctx, tx.Ent, row.ProjectID)
		if err != nil {
			return err
		}
		if err := h.loseAll(ctx, tx, row.ProjectID, row.Holder); err != nil {
			return err
		}
		now, err := tx.Ent.Sandbox.Get(ctx, row.ID)
		if err != nil {
			return err
		}
		h.log.Append(tx, handle, stream.Draft{Type: enum.EventSandboxChanged, Payload: stream.SandboxPayload{V: 1, Sandbox: now}})
		return nil
	})
}
