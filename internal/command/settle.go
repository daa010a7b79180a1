package command

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/store"
)

const (
	// firstPause is how long a host waits before it tries again to record something, and
	// lastPause is up to where each further pause grows, to the double of the one before.
	firstPause = 100 * time.Millisecond
	lastPause  = 2 * time.Second
	// parting is how long a host that stops still tries.
	parting = 2500 * time.Millisecond
)

// insist repeats what reads or writes something of a command until that is done, or the
// command is no longer this host's, or it is in vain: then it returns the last error. It
// goes on when ctx ends, for a moment.
func (h *Host) insist(ctx context.Context, c *ent.Command, act func(context.Context) error) error {
	return h.tries(ctx, c, h.o.RecordFor, act)
}

func (h *Host) tries(ctx context.Context, c *ent.Command, most time.Duration, act func(context.Context) error) error {
	inVain := time.NewTimer(most)
	defer inVain.Stop()
	stops := ctx.Done()
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := act(context.WithoutCancel(ctx))
		if err == nil || errors.Is(err, errNotMine) {
			return err
		}
		if pause == firstPause {
			h.logger.WarnContext(ctx, "a command's state could not be recorded; it is tried again", "command", c.ID, "error", err)
		}
		select {
		case <-inVain.C:
			return err
		case <-stops:
			stops = nil
			inVain.Reset(min(most, parting))
		case <-time.After(pause):
		}
	}
}

// giveUp ends a command of which this host can't record what became of it. Where not even
// that can be written before the host stops, another does it.
func (h *Host) giveUp(ctx context.Context, c *ent.Command, note string) {
	h.logger.ErrorContext(ctx, "a command is given up", "command", c.ID, "reason", note)
	err := h.tries(ctx, c, forever, func(ctx context.Context) error {
		return h.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
			handle, err := access.StreamWriter(ctx, tx.Ent, c.ProjectID)
			if err != nil {
				return err
			}
			return h.lose(ctx, tx, handle, c, note)
		})
	})
	if err != nil && !errors.Is(err, errNotMine) {
		h.logger.ErrorContext(ctx, "a command that is given up could not be ended; another server does it", "command", c.ID, "error", err)
	}
}

// forever is longer than any host lives.
const forever = 1 << 62

// giveBack lets another host have a command that has not begun.
func (h *Host) giveBack(ctx context.Context, t *task, _ *end) error {
	return h.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		return mine(ctx, tx, t.c, func(u *ent.CommandUpdate) { u.SetState(enum.CommandQueued).SetHolder("") })
	})
}

// settle records the end, and what the command changed, at once.
func (h *Host) settle(ctx context.Context, t *task, e *end) error {
	if err := h.stow(ctx, t, e.change); err != nil {
		return err
	}
	return h.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		now, notes := store.Now(), append([]string(nil), e.notes...)
		commit, files := "", 0
		if err := mine(ctx, tx, t.c, func(u *ent.CommandUpdate) { u.SetHolder(t.c.Holder) }); err != nil {
			return err
		}
		if e.change != nil {
			kept, err := h.keep(ctx, tx, t, e.change)
			if err != nil {
				return err
			}
			commit, files, notes = kept.commit, kept.files, append(notes, kept.notes...)
		}
		err := mine(ctx, tx, t.c, func(u *ent.CommandUpdate) {
			u.SetState(e.state).SetFinishedAt(now).SetNote(strings.Join(notes, " ")).SetCommit(commit).SetChangedFiles(files).
				SetOutputBytes(t.c.OutputBytes).SetKeptBytes(t.c.KeptBytes)
			if e.exit != nil {
				u.SetExitCode(e.exit.Code).SetSignal(e.exit.Signal)
			}
		})
		if err != nil {
			return err
		}
		c, err := tx.Ent.Command.Get(ctx, t.c.ID)
		if err != nil {
			return err
		}
		h.log.Append(tx, t.handle, told(enum.EventCommandFinished, c, t.actor))
		return nil
	})
}
