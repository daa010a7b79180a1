package workspace

import (
	"context"
	"fmt"
	"slices"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/idempotency"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
)

// MaxOperations is how many steps a batch has at most.
const MaxOperations = 1000

// Batch is several steps that become one commit in the viewer's name, all or none.
type Batch struct {
	On         Branch
	Operations []Operation
	// Message is why; "" says what is done.
	Message string
	// IdempotencyKey makes the same input do nothing again; "" is none.
	IdempotencyKey string
}

// ChangeFiles makes a batch's steps one after the other, each on what those before it
// have left, and commits what came of them. It returns the commit's hash: the present
// one where nothing has changed. The errors are those of Commit; CONFLICT too for a
// file where something is moved to.
func (w *Workspace) ChangeFiles(ctx context.Context, in Batch) (commit string, err error) {
	if err := w.MayWrite(ctx, in.On.ProjectID); err != nil {
		return "", err
	}
	if len(in.Operations) == 0 || len(in.Operations) > MaxOperations {
		return "", problem.BadField("changes", "a batch has 1 to %d changes", MaxOperations)
	}
	for i, o := range in.Operations {
		if err := o.check(); err != nil {
			return "", within(err, i, len(in.Operations))
		}
	}
	return w.change(ctx, "changeFiles", in)
}

// change does a batch as the operation that keys are remembered for.
func (w *Workspace) change(ctx context.Context, operation string, in Batch) (commit string, err error) {
	author, err := w.viewerAsAuthor(ctx)
	if err != nil {
		return "", err
	}
	input := in
	if in.IdempotencyKey != "" {
		input = in.fingerprint()
	}
	var quick *Batch
	return attempts(ctx, func(lock bool) (string, error) {
		if !lock {
			return w.tryBatch(ctx, operation, in, input, author, false)
		}
		if quick == nil {
			stowed, err := w.stowed(ctx, in)
			if err != nil {
				return "", err
			}
			quick = &stowed
		}
		return w.tryBatch(ctx, operation, *quick, input, author, true)
	})
}

// tryBatch makes one attempt. Without lock all is prepared before the transaction, which
// keeps it short; what is wrong is told only where the key isn't known yet.
func (w *Workspace) tryBatch(ctx context.Context, operation string, in, input Batch, author Author, lock bool) (commit string, err error) {
	var ready *prepared
	var refused error
	if !lock {
		ready, refused = w.draft(ctx, w.db.Ent, false, in, author)
		if in.IdempotencyKey == "" && (refused != nil || len(ready.events) == 0) {
			return ready.tip(), refused
		}
	}
	err = w.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		commit, _, err = idempotency.Do(ctx, tx, operation, in.IdempotencyKey, input, func() (string, error) {
			if lock {
				ready, refused = w.draft(ctx, tx.Ent, canLock(tx), in, author)
			}
			if refused != nil || len(ready.events) == 0 {
				return ready.tip(), refused
			}
			return ready.tip(), w.land(ctx, tx, ready)
		})
		return err
	})
	return commit, err
}

// draft prepares the commit that a batch comes to.
func (w *Workspace) draft(ctx context.Context, c *ent.Client, lock bool, in Batch, author Author) (*prepared, error) {
	from, changes, err := w.plan(ctx, c, lock, in)
	if err != nil {
		return nil, err
	}
	message := messageOf(in)
	if err := check(message, changes); err != nil {
		return nil, err
	}
	if err := access.RequireRole(ctx, c, in.On.ProjectID, enum.ProjectEditor); err != nil {
		return nil, err
	}
	return w.prepareOn(ctx, c, from, in.On, author, message, changes)
}

// fingerprint is the input as keys are remembered for it: with the hash of what is
// written in place of bytes that JSON may not hold.
func (in Batch) fingerprint() Batch {
	in.Operations = slices.Clone(in.Operations)
	for i, o := range in.Operations {
		if o.Write != nil {
			write := *o.Write
			write.Content = blobHash(write.Content).String()
			in.Operations[i].Write = &write
		}
	}
	return in
}

// plan works out what a batch comes to on what its branch is at. With lock the branch is
// held until the transaction ends.
func (w *Workspace) plan(ctx context.Context, c *ent.Client, lock bool, in Batch) (at head, changes []Change, err error) {
	if _, err := access.StreamReader(ctx, c, in.On.ProjectID); err != nil {
		return head{}, nil, err
	}
	if at, err = readHead(ctx, c, in.On.ProjectID, in.On.name(), lock); err != nil {
		return head{}, nil, err
	}
	if at.hash.IsZero() && in.On.name() != MainBranch {
		return head{}, nil, problem.Missing("branch", "branch")
	}
	s := &sketch{objs: newObjects(ctx, c, w.packs, in.On.ProjectID), files: map[string]planned{}}
	if !at.hash.IsZero() {
		if s.root, err = rootOf(s.objs, at.hash); err != nil {
			return head{}, nil, err
		}
	}
	for i, o := range in.Operations {
		if err := s.do(o); err != nil {
			return head{}, nil, within(err, i, len(in.Operations))
		}
	}
	changes, err = s.changes()
	return at, changes, err
}

// viewerAsAuthor is the signed-in person as the author of a commit.
func (w *Workspace) viewerAsAuthor(ctx context.Context) (Author, error) {
	viewer, err := access.RequireViewer(ctx)
	if err != nil {
		return Author{}, err
	}
	user, err := w.db.Ent.User.Get(ctx, viewer.UserID)
	if err != nil {
		return Author{}, fmt.Errorf("read the author: %w", err)
	}
	return Author{Name: user.Name, Email: user.Email, UserID: user.ID}, nil
}

// within says in which step of a batch a field is wrong.
func within(err error, i, of int) error {
	p := problem.As(err)
	if p == nil || of == 1 || p.Field == "" || p.Field == "changes" {
		return err
	}
	switch p.Field {
	case "projectId", "branch", "revision":
		return err
	}
	return asField(err, fmt.Sprintf("changes.%d.%s", i, p.Field))
}

func messageOf(in Batch) string {
	if in.Message != "" {
		return in.Message
	}
	if len(in.Operations) > 1 {
		return fmt.Sprintf("Make %d changes", len(in.Operations))
	}
	switch o := in.Operations[0]; {
	case o.Write != nil:
		return "Write " + o.Write.Path
	case o.Delete != nil:
		return "Delete " + o.Delete.Path
	case o.Move != nil:
		return "Move " + o.Move.From + " to " + o.Move.To
	case o.Copy != nil:
		return "Copy " + o.Copy.From + " to " + o.Copy.To
	case o.SetMode != nil:
		return "Change the mode of " + o.SetMode.Path
	case o.Restore.Path == "":
		return "Restore all files from " + o.Restore.Commit
	default:
		return "Restore " + o.Restore.Path + " from " + o.Restore.Commit
	}
}
