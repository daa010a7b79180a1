// Package command runs commands in projects' sandboxes, for people and for agents, and
// brings what they change back into the projects' files.
//
// A command is a row from the wish for it to its end. Any node accepts it; the worker
// that holds the project's sandbox runs it, or one that makes or wakes it. What it prints
// is kept and told of as it comes; what it changed becomes one commit, in the transaction
// that records its end. Nobody but the holder of the command writes to it: a worker that
// was taken for dead is refused.
//
// A branch's folder in the sandbox is its worktree. Before a command it is made equal to
// the branch's tip and to the files that .gitignore keeps out of it, which are kept as a
// tree of their own: so a sandbox that is lost loses nothing but folders of caches and
// dependencies (see skipped), and no process's work between two commands.
package command

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/command"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/idempotency"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/relay"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/workspace"
)

// Service accepts commands and tells of them. It may be used by any number of goroutines.
type Service struct {
	db     *store.DB
	log    *stream.Log
	files  *workspace.Workspace
	logger *slog.Logger

	// hints holds a token while there may be something for this process's host to do.
	hints chan struct{}
	// cuts holds a token while that host should look whether runs have ended.
	cuts chan struct{}
	mu   sync.Mutex
	ends map[string]chan struct{} // closed when the command of that id may have ended
}

// New makes a Service.
func New(db *store.DB, log *stream.Log, files *workspace.Workspace, logger *slog.Logger) *Service {
	return &Service{
		db: db, log: log, files: files, logger: logger,
		hints: make(chan struct{}, 1), cuts: make(chan struct{}, 1), ends: map[string]chan struct{}{},
	}
}

// Run accepts a person's command and returns it as it is now, QUEUED. It needs the role
// EDITOR. The errors are BAD_USER_INPUT with the field that is wrong, and NOT_FOUND with
// the field "projectId" or "branch".
func (s *Service) Run(ctx context.Context, in Input) (made *ent.Command, err error) {
	viewer, err := access.RequireViewer(ctx)
	if err != nil {
		return nil, err
	}
	if relay.IDPrefix(in.ProjectID) != "prj" {
		return nil, problem.Missing("projectId", "project")
	}
	if err := access.RequireRole(ctx, s.db.Ent, in.ProjectID, enum.ProjectEditor); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	id := ""
	err = s.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		id, _, err = idempotency.Do(ctx, tx, "runCommand", in.IdempotencyKey, in, func() (string, error) {
			made, err := s.accept(ctx, tx, viewer.UserID, in, source{})
			if err != nil {
				return "", err
			}
			return made.ID, nil
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.db.Ent.Command.Get(ctx, id)
}

// source is the call of an agent that a command comes from; zero for a person's.
type source struct{ runID, toolCallID string }

func (s *Service) accept(ctx context.Context, tx *store.Tx, userID string, in Input, from source) (*ent.Command, error) {
	if err := access.RequireRole(ctx, tx.Ent, in.ProjectID, enum.ProjectEditor); err != nil {
		return nil, err
	}
	if err := s.files.RequireBranch(ctx, tx, workspace.Branch{ProjectID: in.ProjectID, Name: in.Branch}); err != nil {
		return nil, err
	}
	create := tx.Ent.Command.Create().SetProjectID(in.ProjectID).SetUserID(userID).SetBranch(in.Branch).
		SetShell(in.Shell).SetArgv(in.Argv).SetDirectory(in.Directory).SetEnvironment(in.Environment).SetStdin(in.Stdin).
		SetTimeoutMs(in.Timeout.Milliseconds()).SetBackground(in.Background).SetState(enum.CommandQueued)
	if from.runID != "" {
		create.SetRunID(from.runID).SetToolCallID(from.toolCallID)
	}
	made, err := create.Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("accept a command: %w", err)
	}
	tx.AfterCommit(s.hint)
	return made, nil
}

// Signal sends a signal to all processes of a command, at most a second later. One that
// has ended stays as it is. It needs the role EDITOR.
func (s *Service) Signal(ctx context.Context, id string, signal enum.Signal) (*ent.Command, error) {
	if relay.IDPrefix(id) != "cmd" {
		return nil, problem.Missing("commandId", "command")
	}
	var c *ent.Command
	err := s.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		if c, err = tx.Ent.Command.Get(ctx, id); ent.IsNotFound(err) {
			return problem.Missing("commandId", "command")
		} else if err != nil {
			return err
		}
		if err := access.RequireRole(ctx, tx.Ent, c.ProjectID, enum.ProjectEditor); err != nil || c.State.Ended() {
			return err
		}
		if c.State == enum.CommandQueued {
			ended, err := s.withdraw(ctx, tx, c)
			if err != nil || ended {
				return err
			}
		}
		c, err = tx.Ent.Command.UpdateOneID(id).SetWantedSignal(string(signal)).Save(ctx)
		tx.AfterCommit(s.hint)
		return err
	})
	return c, err
}

// withdraw ends a command that waits, unless a host has taken it meanwhile.
func (s *Service) withdraw(ctx context.Context, tx *store.Tx, c *ent.Command) (ended bool, err error) {
	n, err := tx.Ent.Command.Update().Where(command.ID(c.ID), command.StateEQ(enum.CommandQueued)).
		SetState(enum.CommandKilled).SetNote("It was taken back before it began.").SetFinishedAt(store.Now()).Save(ctx)
	if err != nil || n == 0 {
		return false, err
	}
	handle, err := access.StreamWriter(ctx, tx.Ent, c.ProjectID)
	if err != nil {
		return false, err
	}
	now, err := tx.Ent.Command.Get(ctx, c.ID)
	if err != nil {
		return false, err
	}
	*c = *now
	s.log.Append(tx, handle, told(enum.EventCommandFinished, c, stream.Actor{UserID: access.ViewerFrom(ctx).UserID}))
	tx.AfterCommit(func() { s.told(c.ID) })
	return true, nil
}

// Wait returns the command once it has ended, or begun if it is one in the background.
func (s *Service) Wait(ctx context.Context, id string) (*ent.Command, error) {
	defer s.told(id) // other waiters look anew
	for {
		ended := s.end(id)
		c, err := s.db.Ent.Command.Get(ctx, id)
		if err != nil {
			return nil, err
		}
		if c.State.Ended() || c.Background && c.State == enum.CommandRunning {
			return c, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-ended:
		case <-time.After(pollEvery): // it may run on another node
		}
	}
}

// end is closed when this process sees the command begin or end.
func (s *Service) end(id string) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.ends[id]
	if c == nil {
		c = make(chan struct{})
		s.ends[id] = c
	}
	return c
}

func (s *Service) told(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.ends[id]; c != nil {
		close(c)
		delete(s.ends, id)
	}
}

func (s *Service) hint() {
	select {
	case s.hints <- struct{}{}:
	default:
	}
}

// Line is how a person would write the command.
func Line(c *ent.Command) string {
	if c.Shell != "" {
		return c.Shell
	}
	return strings.Join(c.Argv, " ")
}

func renamed(err error, from, to string) error {
	if p := problem.As(err); p != nil && p.Field == from {
		other := *p
		other.Field = to
		return &other
	}
	return err
}
