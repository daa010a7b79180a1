package command

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"entgo.io/ent/dialect/sql"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/command"
	"github.com/zeblit/zeblit/ent/enum"
	entrun "github.com/zeblit/zeblit/ent/run"
	entsandbox "github.com/zeblit/zeblit/ent/sandbox"
	"github.com/zeblit/zeblit/internal/sandbox"
	"github.com/zeblit/zeblit/internal/store"
)

// beat renews what this host holds. Nothing else is done with it: what takes its time with
// one sandbox must not cost the others.
func (h *Host) beat(ctx context.Context) error {
	if err := h.db.Ent.Sandbox.Update().Where(entsandbox.Holder(h.id)).Modify(h.extend).Exec(ctx); err != nil {
		return fmt.Errorf("renew the sandboxes: %w", err)
	}
	return nil
}

// tend samples what this host holds, stops what is idle and looks after what others have
// left behind.
func (h *Host) tend(ctx context.Context) error {
	var failed []error
	for _, b := range h.held() {
		failed = append(failed, h.look(ctx, b))
	}
	return errors.Join(append(failed, h.bury(ctx))...)
}

// look samples a sandbox that runs here, and stops it when it has been idle for long.
func (h *Host) look(ctx context.Context, b *box) error {
	if !b.opening.TryLock() {
		return nil // somebody works on it
	}
	defer b.opening.Unlock()
	b.mu.Lock()
	open, idle, foreground, background := b.open, time.Since(b.used), 0, 0
	for _, t := range b.running {
		if t.c.Background {
			background++
		} else {
			foreground++
		}
	}
	b.mu.Unlock()
	if open == nil {
		return nil
	}
	stats, err := open.Stats(ctx)
	if errors.Is(err, sandbox.ErrGone) {
		b.drop()
		return b.change(ctx, nil, enum.SandboxLost, "it ended by itself, and its processes with it.", true)
	}
	if err != nil {
		return err
	}
	err = h.db.Ent.Sandbox.Update().Where(entsandbox.ID(b.row), entsandbox.Holder(h.id)).
		SetMemoryBytes(stats.Memory).SetDiskBytes(stats.Disk).SetCPUMicros(stats.CPU.Microseconds()).
		SetProcesses(stats.Processes).SetSampledAt(store.Now()).Exec(ctx)
	if err != nil {
		return err
	}
	switch limit := h.o.IdleStop; {
	case foreground > 0:
		return nil
	case background > 0 && idle < 4*limit:
		return b.settleAll(ctx)
	case idle >= limit:
		return b.stop(ctx, "nobody used it for a while.")
	}
	return nil
}

// stop ends its processes and keeps its files. The caller holds opening.
func (b *box) stop(ctx context.Context, reason string) error {
	b.mu.Lock()
	open, running := b.open, slices.Collect(maps.Values(b.running))
	b.mu.Unlock()
	for _, t := range running {
		t.kill(ctx, "It was ended because its sandbox was stopped: "+reason)
	}
	if open == nil {
		return nil
	}
	if len(running) > 0 {
		b.wait(ctx)
	}
	settled := b.settleAll(ctx)
	left, err := open.Stop(ctx)
	if err != nil {
		return errors.Join(settled, err)
	}
	if left != "" {
		reason += " " + left
		b.host.logger.WarnContext(ctx, "a sandbox was stopped without all of its files", "project", b.project, "left", left)
	}
	b.drop()
	return errors.Join(settled, b.change(ctx, nil, enum.SandboxStopped, reason, true))
}

// wait gives commands that were killed the time to record their end.
func (b *box) wait(ctx context.Context) {
	for range 100 {
		b.mu.Lock()
		n := len(b.running)
		b.mu.Unlock()
		if n == 0 || ctx.Err() != nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// drop forgets the sandbox, which isn't running here any more.
func (b *box) drop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open, b.worktrees = nil, map[string]*worktree{}
}

// kill ends a command's processes. The first reason is told.
func (t *task) kill(ctx context.Context, reason string) {
	t.mu.Lock()
	if t.killed == "" {
		t.killed = reason
	}
	p := t.process
	t.mu.Unlock()
	if p != nil {
		_ = p.Signal(ctx, "KILL") // it may have ended meanwhile
	}
}

func (h *Host) stopAll(ctx context.Context) {
	for _, b := range h.held() {
		b.opening.Lock()
		err := b.stop(ctx, "the server stopped.")
		b.opening.Unlock()
		if err != nil {
			h.logger.ErrorContext(ctx, "a sandbox could not be stopped properly", "project", b.project, "error", err)
		}
	}
}

// poll does what others ask of this host's commands.
func (h *Host) poll(ctx context.Context) error {
	if h.idle() {
		return nil
	}
	return errors.Join(h.signals(ctx), h.endWithRuns(ctx))
}

func (h *Host) signals(ctx context.Context) error {
	wanted, err := h.db.Ent.Command.Query().Where(command.StateEQ(enum.CommandRunning), command.Holder(h.id), command.WantedSignalNEQ("")).All(ctx)
	if err != nil {
		return err
	}
	var failed []error
	for _, c := range wanted {
		t := h.task(c)
		if t == nil {
			continue // its process is still to begin: then it gets the signal
		}
		if delivered, err := t.signal(ctx, c.WantedSignal); err != nil || !delivered {
			failed = append(failed, err)
			continue
		}
		failed = append(failed, h.db.Ent.Command.Update().Where(command.ID(c.ID), command.WantedSignal(c.WantedSignal)).SetWantedSignal("").Exec(ctx))
	}
	return errors.Join(failed...)
}

// signal tells the command's process, unless there is none yet.
func (t *task) signal(ctx context.Context, name string) (delivered bool, err error) {
	if enum.Signal(name) == enum.SignalKill {
		t.kill(ctx, "It was killed on request.")
		return true, nil
	}
	t.mu.Lock()
	p := t.process
	t.mu.Unlock()
	if p == nil {
		return false, nil
	}
	if err := p.Signal(ctx, name); err != nil && !errors.Is(err, sandbox.ErrNoProcess) {
		return false, err
	}
	return true, nil
}

func (h *Host) task(c *ent.Command) *task {
	b := h.box(c.ProjectID)
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.running[c.ID]
}

// endWithRuns kills commands whose runs have ended: somebody cancelled them. Those in the
// background outlive the run that began them.
func (h *Host) endWithRuns(ctx context.Context) error {
	over, err := h.db.Ent.Command.Query().Where(
		command.StateEQ(enum.CommandRunning), command.Holder(h.id), command.Background(false),
		command.HasRunWith(entrun.StateIn(enum.RunCancelled, enum.RunFailed)),
	).All(ctx)
	if err != nil {
		return err
	}
	for _, c := range over {
		if t := h.task(c); t != nil {
			t.kill(ctx, "It was killed because its run has ended.")
		}
	}
	return nil
}

// wishes has done below work what people asked for, for each sandbox by itself: one that
// is being made or stopped must not cost the others.
func (h *Host) wishes(ctx, work context.Context) error {
	projects, err := h.db.Ent.Sandbox.Query().Where(entsandbox.WantedNEQ(enum.WishNothing), h.free, h.here).
		Select(entsandbox.FieldProjectID).Strings(ctx)
	if err != nil {
		return fmt.Errorf("look for wishes: %w", err)
	}
	for _, id := range projects {
		b := h.box(id)
		if b.granting.Swap(true) {
			continue // what is wished is read once the sandbox is free
		}
		h.tasks.Go(func() {
			defer b.granting.Store(false)
			h.try(b.grant)(work)
		})
	}
	return nil
}

// here holds for sandboxes whose files are on this machine or nowhere.
func (h *Host) here(s *sql.Selector) {
	s.Where(sql.Or(sql.In(s.C(entsandbox.FieldNode), "", h.o.Node), sql.EQ(s.C(entsandbox.FieldPlace), "")))
}

// grant does what is wished of the sandbox when nobody else works on it any more. A wish is
// forgotten when it is begun, unless another has taken its place meanwhile.
func (b *box) grant(ctx context.Context) error {
	b.opening.Lock()
	defer b.opening.Unlock()
	h := b.host
	row, err := h.db.Ent.Sandbox.Query().Where(entsandbox.ProjectID(b.project), entsandbox.WantedNEQ(enum.WishNothing), h.free, h.here).Only(ctx)
	if ent.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	_, closed := h.sandboxes(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	n, err := h.db.Ent.Sandbox.Update().Where(entsandbox.ID(row.ID), entsandbox.WantedEQ(row.Wanted)).SetWanted(enum.WishNothing).Save(ctx)
	if err != nil || n == 0 {
		return err
	}
	if closed != nil {
		return nil // the next command says why
	}
	err = b.fulfil(ctx, row)
	if err == nil || ctx.Err() == nil && !store.Unavailable(err) && !errors.Is(err, errElsewhere) {
		return err
	}
	// The server stops, or somebody was in the way. Who comes next does it.
	later, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
	defer cancel()
	return errors.Join(err, h.db.Ent.Sandbox.Update().Where(entsandbox.ID(row.ID), entsandbox.WantedEQ(enum.WishNothing)).SetWanted(row.Wanted).Exec(later))
}

func (b *box) fulfil(ctx context.Context, row *ent.Sandbox) error {
	t := &task{c: &ent.Command{ProjectID: row.ProjectID}}
	switch row.Wanted {
	case enum.WishStop:
		return b.stop(ctx, "somebody asked for it.")
	case enum.WishRestart:
		if err := b.stop(ctx, "it is restarted."); err != nil {
			return err
		}
		_, err := b.ensure(ctx, t)
		return err
	case enum.WishWake:
		if b.open != nil {
			return nil
		}
		_, err := b.ensure(ctx, t)
		b.mu.Lock()
		b.used = time.Now()
		b.mu.Unlock()
		return err
	case enum.WishDelete:
		return b.delete(ctx, row)
	}
	return nil
}

// delete removes the sandbox and all that is only in it.
func (b *box) delete(ctx context.Context, row *ent.Sandbox) error {
	err := b.remove(ctx, row)
	if err == nil {
		return b.change(ctx, nil, enum.SandboxDeleted, "somebody asked for it.", true)
	}
	if b.open == nil { // nobody needs this host for it
		state, reason := row.State, row.Reason
		if state == enum.SandboxRunning { // it was stopped here, which is recorded, or its server died
			state, reason = enum.SandboxUnreachable, "it could not be deleted."
		}
		if released := b.change(ctx, nil, state, reason, true); !errors.Is(released, errElsewhere) {
			err = errors.Join(err, released)
		}
	}
	return err
}

func (b *box) remove(ctx context.Context, row *ent.Sandbox) error {
	if b.open == nil {
		if _, err := b.take(ctx, nil); err != nil {
			return err
		}
		b.row, b.generation, b.driver = row.ID, row.Generation, row.Driver
	} else if err := b.stop(ctx, "it is deleted."); err != nil {
		b.host.logger.WarnContext(ctx, "a sandbox is deleted that could not be stopped", "project", b.project, "error", err)
	}
	if row.Place != "" {
		driver, err := b.host.sandboxes(ctx)
		if err != nil {
			return err
		}
		if err := driver.Delete(ctx, row.Place); err != nil {
			return err
		}
	}
	b.drop()
	_, err := b.take(ctx, nil)
	return err
}

// reap deletes what the driver has of sandboxes that nobody owns and no row names.
func (h *Host) reap(ctx context.Context, driver sandbox.Driver) error {
	found, err := driver.List(ctx)
	if err != nil {
		return err
	}
	var failed []error
	for _, f := range found {
		if f.Owned || f.Labels[sandbox.LabelNode] != h.o.Node {
			continue
		}
		named, err := h.db.Ent.Sandbox.Query().Where(entsandbox.Place(f.ID), entsandbox.StateNEQ(enum.SandboxDeleted)).Exist(ctx)
		if err != nil {
			return err
		}
		if !named {
			failed = append(failed, driver.Delete(ctx, f.ID))
		}
	}
	return errors.Join(failed...)
}
