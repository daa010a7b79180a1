package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"entgo.io/ent/dialect/sql"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	entsandbox "github.com/zeblit/zeblit/ent/sandbox"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/faults"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/sandbox"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
)

// box is a project's sandbox as this host has it.
type box struct {
	host    *Host
	project string

	// opening is held while the sandbox is made, woken, stopped or deleted.
	opening sync.Mutex
	// granting is set while a wish waits for that, or is being granted.
	granting atomic.Bool

	mu         sync.Mutex
	open       sandbox.Sandbox // nil while this host doesn't have it running
	row        string
	driver     string
	generation int
	worktrees  map[string]*worktree
	running    map[string]*task
	last       *task // whose rights later looks at files have
	used       time.Time
}

// errElsewhere: another host holds the sandbox, and gets the command.
var errElsewhere = errors.New("another host has the sandbox")

// begin has the sandbox running with the branch's files in it, and records that the
// command begins. It returns what is to be told of it.
func (b *box) begin(ctx context.Context, t *task) (notes []string, err error) {
	b.opening.Lock()
	defer b.opening.Unlock()
	if b.open == nil {
		if notes, err = b.ensure(ctx, t); err != nil {
			return nil, err
		}
	}
	w := b.worktree(t.c.Branch)
	w.mu.Lock()
	err = b.bring(ctx, w, t)
	w.mu.Unlock()
	if errors.Is(err, sandbox.ErrTooMany) { // a command must be able to put that right
		notes, err = append(notes, crowded), nil
	}
	if err != nil {
		return nil, err
	}
	err = b.host.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := mine(ctx, tx, t.c, func(u *ent.CommandUpdate) { u.SetGeneration(b.generation) }); err != nil {
			return err
		}
		n, err := tx.Ent.Sandbox.Update().Where(entsandbox.ID(b.row), entsandbox.Holder(b.host.id)).Modify(b.host.used).Save(ctx)
		if err == nil && n == 0 {
			err = errElsewhere
		}
		if err != nil {
			return err
		}
		c, err := tx.Ent.Command.Get(ctx, t.c.ID)
		if err != nil {
			return err
		}
		b.host.log.Append(tx, t.handle, told(enum.EventCommandStarted, c, t.actor))
		return nil
	})
	if errors.Is(err, errElsewhere) {
		b.drop() // another host has taken it, while this one could not renew
	}
	if err != nil {
		return nil, err
	}
	faults.Point(faults.CommandBegun)
	b.mu.Lock()
	b.running[t.c.ID], b.last, b.used = t, t, time.Now()
	b.mu.Unlock()
	b.host.told(t.c.ID)
	return notes, nil
}

// crowded is told where the files of a folder can't be listed.
const crowded = "Its folder has more files than can be looked at, or folders too deep: it has not got what others changed, and nothing is recorded of it until some are removed."

// sandbox is the sandbox, if this host has it running.
func (b *box) sandbox() (sandbox.Sandbox, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open == nil {
		return nil, sandbox.ErrStopped
	}
	return b.open, nil
}

func (b *box) forget(t *task) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.running, t.c.ID)
	b.used = time.Now()
}

// used notes that a command runs now.
func (h *Host) used(u *sql.UpdateBuilder) {
	u.Set(entsandbox.FieldUsedAt, sql.Expr(store.NowMillis(h.db.Dialect)))
}

func (h *Host) extend(u *sql.UpdateBuilder) {
	u.Set(entsandbox.FieldHeldUntil, sql.Expr(fmt.Sprintf("%s + %d", store.NowMillis(h.db.Dialect), heldFor.Milliseconds())))
}

// ensure takes the sandbox for this host and has it running: it wakes the one that there
// is, and makes a new one where there is none, or where what there was is lost. That is
// told, never done in silence.
func (b *box) ensure(ctx context.Context, t *task) (notes []string, err error) {
	row, err := b.take(ctx, t)
	if err != nil {
		return nil, err
	}
	b.row, b.generation, b.driver = row.ID, row.Generation, row.Driver
	if notes, err = b.rouse(ctx, t, row); err != nil {
		state := enum.SandboxFailed
		if errors.Is(err, sandbox.ErrUnreachable) {
			state = enum.SandboxUnreachable
		}
		return nil, errors.Join(err, b.change(ctx, t, state, why(err), true))
	}
	return notes, nil
}

// rouse is ensure's work, with the sandbox taken.
func (b *box) rouse(ctx context.Context, t *task, row *ent.Sandbox) (notes []string, err error) {
	found, lost, err := b.find(ctx, row)
	if err != nil {
		return nil, err
	}
	if lost != "" {
		if err := b.change(ctx, t, enum.SandboxLost, lost, false); err != nil {
			return nil, err
		}
		notes = append(notes, "A new sandbox was made from the project's files: "+lost+
			" Folders of dependencies and caches, such as node_modules, are not in it, and its processes have ended.")
	}
	made := found == nil
	if made {
		if found, err = b.make(ctx, row); err != nil {
			return nil, err
		}
	}
	b.mu.Lock()
	b.open, b.worktrees = found, map[string]*worktree{}
	b.mu.Unlock()
	if err := b.change(ctx, t, enum.SandboxRunning, "", false); err != nil {
		b.drop()
		return nil, errors.Join(err, b.undo(ctx, found, made))
	}
	return notes, nil
}

// undo takes back that a sandbox was begun of which nobody could be told: a new one is
// deleted, since no row names it, and another stopped.
func (b *box) undo(ctx context.Context, begun sandbox.Sandbox, made bool) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
	defer cancel()
	if !made {
		_, err := begun.Stop(ctx)
		return err
	}
	driver, err := b.host.sandboxes(ctx)
	if err != nil {
		return err
	}
	return driver.Delete(ctx, begun.ID())
}

// undoTime bounds what is done though a context has ended.
const undoTime = 30 * time.Second

// take makes this host the holder, and the row if there is none yet.
func (b *box) take(ctx context.Context, t *task) (row *ent.Sandbox, err error) {
	h := b.host
	err = h.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		err := tx.Ent.Sandbox.Create().SetProjectID(b.project).SetState(enum.SandboxStarting).
			OnConflictColumns(entsandbox.FieldProjectID).Ignore().Exec(ctx)
		if err != nil {
			return err
		}
		if row, err = tx.Ent.Sandbox.Query().Where(entsandbox.ProjectID(b.project)).Only(ctx); err != nil {
			return err
		}
		n, err := tx.Ent.Sandbox.Update().Where(entsandbox.ProjectID(b.project), h.free).
			SetHolder(h.id).Modify(h.extend).Save(ctx)
		if err == nil && n == 0 {
			err = errElsewhere
		}
		if err != nil {
			return err
		}
		if before := row.Holder; before != "" && before != h.id {
			if err := h.loseAll(ctx, tx, b.project, before); err != nil {
				return err
			}
		}
		row, err = tx.Ent.Sandbox.Query().Where(entsandbox.ProjectID(b.project)).Only(ctx)
		return err
	})
	return row, err
}

// free holds for sandboxes that this host has or may take.
func (h *Host) free(s *sql.Selector) {
	s.Where(sql.Or(
		sql.In(s.C(entsandbox.FieldHolder), "", h.id),
		sql.ExprP(fmt.Sprintf("%s < %s", s.C(entsandbox.FieldHeldUntil), store.NowMillis(h.db.Dialect))),
	))
}

// find opens and wakes the sandbox of a row. lost says why there is none any more.
func (b *box) find(ctx context.Context, row *ent.Sandbox) (found sandbox.Sandbox, lost string, err error) {
	h := b.host
	if row.Place == "" || row.State == enum.SandboxDeleted {
		return nil, "", nil
	}
	driver, err := h.sandboxes(ctx)
	if err != nil {
		return nil, "", err
	}
	if row.Driver != driver.Name() {
		return nil, "it was one of " + row.Driver + ", which this server doesn't use.", nil
	}
	found, err = driver.Open(ctx, row.Place)
	switch {
	case errors.Is(err, sandbox.ErrGone):
		return nil, "the server that had it stopped at once, and its processes with it.", errors.Join(driver.Delete(ctx, row.Place))
	case errors.Is(err, sandbox.ErrNotFound) && row.Node != h.o.Node:
		return nil, "it was on another machine, which doesn't answer.", nil
	case errors.Is(err, sandbox.ErrNotFound):
		return nil, "it isn't there any more.", nil
	case err != nil:
		return nil, "", err
	}
	state, err := found.State(ctx)
	if err == nil && state == sandbox.Stopped {
		err = found.Wake(ctx)
	}
	if errors.Is(err, sandbox.ErrGone) {
		return nil, "its files are gone.", driver.Delete(ctx, row.Place)
	}
	return found, "", err
}

// make makes a new sandbox.
func (b *box) make(ctx context.Context, row *ent.Sandbox) (sandbox.Sandbox, error) {
	h := b.host
	place := row.ID + "-" + strconv.Itoa(row.Generation+1)
	driver, err := h.sandboxes(ctx)
	if err != nil {
		return nil, err
	}
	image := ""
	if h.o.Image != nil {
		p, err := h.db.Ent.Project.Get(ctx, b.project)
		if err != nil {
			return nil, fmt.Errorf("read what project %s started from: %w", b.project, err)
		}
		image = h.o.Image(p.Template)
	}
	made, err := driver.Create(ctx, sandbox.Spec{
		ID: place, Image: image, Limits: h.o.Limits, Env: map[string]string{"CI": "1"},
		Labels: map[string]string{
			sandbox.LabelInstallation: h.o.Installation, sandbox.LabelProject: b.project, sandbox.LabelNode: h.o.Node,
		},
	})
	if err != nil {
		return nil, err
	}
	b.generation, b.driver = row.Generation+1, driver.Name()
	return made, nil
}

// change records the sandbox's state. With release another host may take it; that is done
// also when ctx has ended: nobody else could end the hold of a host that lives.
func (b *box) change(ctx context.Context, t *task, state enum.SandboxState, reason string, release bool) error {
	h := b.host
	if release {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), undoTime)
		defer cancel()
	}
	return h.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		update := tx.Ent.Sandbox.Update().Where(entsandbox.ID(b.row), entsandbox.Holder(h.id)).SetState(state).SetReason(reason)
		switch state {
		case enum.SandboxRunning:
			update.SetPlace(b.open.ID()).SetNode(h.o.Node).SetDriver(b.driver).SetGeneration(b.generation).Modify(h.extend, h.used)
		case enum.SandboxDeleted:
			update.SetPlace("")
		}
		if release {
			update.SetHolder("").SetHeldUntil(0)
		}
		n, err := update.Save(ctx)
		if err != nil || n == 0 {
			return cmp.Or(err, errElsewhere)
		}
		row, err := tx.Ent.Sandbox.Get(ctx, b.row)
		if err != nil {
			return err
		}
		handle, err := access.StreamWriter(ctx, tx.Ent, b.project)
		if err != nil {
			return err
		}
		var by *stream.Actor
		if t != nil {
			by = &t.actor
		}
		h.log.Append(tx, handle, stream.Draft{Type: enum.EventSandboxChanged, Payload: stream.SandboxPayload{V: 1, Sandbox: row, Actor: by}})
		return nil
	})
}

// save records what processes have written, outside of a command's end.
func (b *box) save(ctx context.Context, w *worktree, t *task) error {
	c, err := b.look(ctx, w)
	if err != nil || c == nil {
		return err
	}
	if err := b.host.stow(ctx, t, c); err != nil {
		return err
	}
	return b.host.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		n, err := tx.Ent.Sandbox.Update().Where(entsandbox.ID(b.row), entsandbox.Holder(b.host.id)).Modify(b.host.extend).Save(ctx)
		if err == nil && n == 0 {
			err = errElsewhere
		}
		if err != nil {
			return err
		}
		_, err = b.host.keep(ctx, tx, t, c)
		return err
	})
}

// settleAll records what processes have written in all worktrees.
func (b *box) settleAll(ctx context.Context) (failed error) {
	b.mu.Lock()
	t, open := b.last, b.open
	all := make([]*worktree, 0, len(b.worktrees))
	for _, w := range b.worktrees {
		all = append(all, w)
	}
	b.mu.Unlock()
	if t == nil || open == nil {
		return nil
	}
	for _, w := range all {
		w.mu.Lock()
		if w.files != nil {
			switch err := b.save(ctx, w, t); {
			case errors.Is(err, sandbox.ErrTooMany): // the sandbox keeps them as they are
				b.host.logger.WarnContext(ctx, "a worktree has too many files to be recorded", "project", b.project, "branch", w.branch, "error", err)
			case err != nil && problem.As(err) == nil:
				failed = errors.Join(failed, err)
			}
		}
		w.mu.Unlock()
	}
	return failed
}
