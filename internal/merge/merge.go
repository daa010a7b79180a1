// Package merge merges branches: each project has a queue, whose merges are made one
// after the other by any worker. A merge is prepared on a disposable copy, by git, and
// then written by compare-and-swap in one transaction with its state and its events. So
// a worker may die at any moment, and whoever writes to the target meanwhile is never
// overwritten: the merge is prepared anew on what they wrote.
//
// Conflicts are data. Who resolves them commits their decisions on the source, and the
// merge is queued again.
package merge

import (
	"context"
	"fmt"
	"log/slog"
	"os/exec"
	"unicode/utf8"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	entmerge "github.com/zeblit/zeblit/ent/merge"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/idempotency"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/workspace"
)

// Service queues merges, and makes them where Run works.
type Service struct {
	db     *store.DB
	log    *stream.Log
	files  *workspace.Workspace
	git    git
	logger *slog.Logger
	// hints holds a token while there may be something to do.
	hints chan struct{}
}

// New makes a Service. git is the program; "" is the one in the PATH.
func New(db *store.DB, log *stream.Log, files *workspace.Workspace, program string, logger *slog.Logger) *Service {
	if program == "" {
		if found, err := exec.LookPath("git"); err == nil {
			program = found
		}
	}
	return &Service{db: db, log: log, files: files, git: git{program}, logger: logger, hints: make(chan struct{}, 1)}
}

// Order is a merge to make.
type Order struct {
	ProjectID, Source string
	// Target is the branch to merge into; "" is main.
	Target string
	// Message is the commit's; "" says what is merged.
	Message string
	// UserID is the person who asks, or with whose rights an agent works; AgentID and RunID
	// are set where it is a run's branch.
	UserID, AgentID, RunID string
}

// Input is a merge that a person asks for.
type Input struct {
	ProjectID, Source, Target, Message string
	// IdempotencyKey makes the same input do nothing again; "" is none.
	IdempotencyKey string
}

// Branch queues a merge in the viewer's name, who needs the role EDITOR. The errors are
// NOT_FOUND with the field "source" or "target", BAD_USER_INPUT, and CONFLICT with the
// field "source" where the same merge waits already.
func (s *Service) Branch(ctx context.Context, in Input) (*ent.Merge, error) {
	viewer, err := access.RequireViewer(ctx)
	if err != nil {
		return nil, err
	}
	if in.Target == "" {
		in.Target = workspace.MainBranch
	}
	if len(in.Message) > maxMessage || !utf8.ValidString(in.Message) {
		return nil, problem.BadField("message", "a message can have %d bytes of valid UTF-8 at most", maxMessage)
	}
	if in.Source == in.Target {
		return nil, problem.BadField("source", "a branch can't be merged into itself")
	}
	var id string
	err = s.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		id, _, err = idempotency.Do(ctx, tx, "mergeBranch", in.IdempotencyKey, in, func() (string, error) {
			if err := access.RequireRole(ctx, tx.Ent, in.ProjectID, enum.ProjectEditor); err != nil {
				return "", err
			}
			if err := s.files.RequireBranches(ctx, tx, in.ProjectID, in.Source, in.Target); err != nil {
				return "", err
			}
			m, err := s.Enqueue(ctx, tx, Order{
				ProjectID: in.ProjectID, Source: in.Source, Target: in.Target, Message: in.Message, UserID: viewer.UserID,
			})
			if err != nil {
				return "", err
			}
			return m.ID, nil
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.find(ctx, s.db.Ent, id)
}

const maxMessage = 8 << 10

// Enqueue queues a merge as a part of tx; the caller has checked that it may be. One of
// the same branches that is CONFLICTED is CANCELLED; one that waits is a CONFLICT.
func (s *Service) Enqueue(ctx context.Context, tx *store.Tx, o Order) (*ent.Merge, error) {
	if o.Target == "" {
		o.Target = workspace.MainBranch
	}
	open, err := tx.Ent.Merge.Query().Where(entmerge.ProjectID(o.ProjectID), entmerge.Source(o.Source), entmerge.Target(o.Target), unended()).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for merges of %s: %w", o.Source, err)
	}
	by := stream.Actor{UserID: o.UserID, AgentID: o.AgentID}
	for _, m := range open {
		if m.State != enum.MergeConflicted {
			return nil, &problem.Error{Code: problem.Conflict, Field: "source", Message: "merge " + m.ID + " of these branches is " + string(m.State) + " already"}
		}
		if _, err := s.end(ctx, tx, m, enum.MergeCancelled, by); err != nil {
			return nil, err
		}
	}
	create := tx.Ent.Merge.Create().SetProjectID(o.ProjectID).SetUserID(o.UserID).SetSource(o.Source).SetTarget(o.Target).
		SetMessage(o.Message).SetState(enum.MergeQueued)
	if o.RunID != "" {
		create.SetRunID(o.RunID)
	}
	if o.AgentID != "" {
		create.SetAgentID(o.AgentID)
	}
	m, err := create.Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("queue a merge: %w", err)
	}
	tx.AfterCommit(s.hint)
	return m, s.tell(ctx, tx, m, by)
}

// Cancel ends the viewer's merge, unless it has ended. It needs the role EDITOR.
func (s *Service) Cancel(ctx context.Context, id string) (m *ent.Merge, err error) {
	viewer, err := access.RequireViewer(ctx)
	if err != nil {
		return nil, err
	}
	err = s.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if m, err = s.editable(ctx, tx, id); err != nil || m.State.Ended() {
			return err
		}
		m, err = s.end(ctx, tx, m, enum.MergeCancelled, stream.Actor{UserID: viewer.UserID})
		return err
	})
	return m, err
}

// CancelIn ends a merge as a part of tx, as Cancel does, and returns what it has come to: it
// may have landed just before. The caller has checked who may.
func (s *Service) CancelIn(ctx context.Context, tx *store.Tx, id string, by stream.Actor) (*ent.Merge, error) {
	for {
		m, err := tx.Ent.Merge.Get(ctx, id)
		if err != nil || m.State.Ended() {
			return m, err
		}
		m, err = s.end(ctx, tx, m, enum.MergeCancelled, by)
		if !problem.Is(err, problem.Conflict) { // else its worker was faster: look again
			return m, err
		}
	}
}

// end gives a merge its last state, whoever holds it.
func (s *Service) end(ctx context.Context, tx *store.Tx, m *ent.Merge, state enum.MergeState, by stream.Actor) (*ent.Merge, error) {
	n, err := tx.Ent.Merge.Update().Where(entmerge.ID(m.ID), entmerge.StateEQ(m.State), entmerge.Epoch(m.Epoch)).
		SetState(state).AddEpoch(1).SetLeaseOwner("").SetLeaseUntil(0).SetFinishedAt(store.Now()).Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("end merge %s: %w", m.ID, err)
	}
	if n == 0 {
		return nil, problem.New(problem.Conflict, "the merge has gone on just now: look at it again")
	}
	if err := s.files.DropMerge(ctx, tx, m.ProjectID, m.ID); err != nil {
		return nil, err
	}
	if m, err = tx.Ent.Merge.Get(ctx, m.ID); err != nil {
		return nil, err
	}
	return m, s.tell(ctx, tx, m, by)
}

// Find is the viewer's merge of that id; NOT_FOUND with the field "id".
func (s *Service) find(ctx context.Context, c *ent.Client, id string) (*ent.Merge, error) {
	m, err := c.Merge.Get(ctx, id)
	if ent.IsNotFound(err) || store.Unfit(err) {
		return nil, problem.Missing("mergeId", "merge")
	}
	return m, err
}

func (s *Service) editable(ctx context.Context, tx *store.Tx, id string) (*ent.Merge, error) {
	m, err := s.find(ctx, tx.Ent, id)
	if err != nil {
		return nil, err
	}
	return m, access.RequireRole(ctx, tx.Ent, m.ProjectID, enum.ProjectEditor)
}

// Position is a merge's place among those of its project that wait, from 1; 0 when it
// doesn't.
func Position(ctx context.Context, c *ent.Client, m *ent.Merge) (int, error) {
	if m.State != enum.MergeQueued {
		return 0, nil
	}
	before, err := c.Merge.Query().Where(entmerge.ProjectID(m.ProjectID), entmerge.StateEQ(enum.MergeQueued), entmerge.IDLT(m.ID)).Count(ctx)
	return before + 1, err
}

// tell announces where a merge stands.
func (s *Service) tell(ctx context.Context, tx *store.Tx, m *ent.Merge, by stream.Actor) error {
	handle, err := access.StreamWriter(ctx, tx.Ent, m.ProjectID)
	if err != nil {
		return err
	}
	d := stream.Draft{Type: enum.EventMergeChanged, Payload: stream.MergePayload{V: 1, Merge: m, Actor: &by}}
	if m.RunID != nil {
		d.RunID = *m.RunID
	}
	s.log.Append(tx, handle, d)
	return nil
}

// hint says that there may be something to do.
func (s *Service) hint() {
	select {
	case s.hints <- struct{}{}:
	default:
	}
}
