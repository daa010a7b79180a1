// Package checkpoint records what a branch's files and a conversation were before
// something changed them, and goes back to it.
//
// A checkpoint is cheap: a row that points at a commit, which a hidden ref keeps, and at a
// place in the conversation. Going back adds to both and takes nothing away: files are
// committed anew, messages are marked and stay to be read. What is left is recorded as a
// checkpoint too, so that going back can be undone, and that as well.
package checkpoint

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/internal/relay"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/workspace"
)

// Worktree is where a branch's files lie while commands work on them.
type Worktree interface {
	// Snapshot commits all files of the branch's worktree, those included that the branch
	// doesn't keep, on no branch; "" where it has no worktree. beside names the latter.
	Snapshot(ctx context.Context, on workspace.Branch) (commit, beside string, err error)
	// Hold keeps the worktree's files as they are until tx ends, and names those that the
	// branch doesn't keep as Snapshot does. It comes before what holds the branch.
	Hold(ctx context.Context, tx *store.Tx, on workspace.Branch) (beside string, err error)
	// Restore makes the branch's worktree have the files of a commit, "" for none, or those of
	// them at or below paths, when tx commits, which has restored the branch's own. Where it
	// has no worktree it does nothing.
	Restore(ctx context.Context, tx *store.Tx, on workspace.Branch, commit string, paths []string) error
}

// Service records checkpoints and goes back to them.
type Service struct {
	db     *store.DB
	log    *stream.Log
	files  *workspace.Workspace
	trees  Worktree // nil: there are none
	keep   Retention
	logger *slog.Logger
}

// New makes a Service. trees may be nil.
func New(db *store.DB, log *stream.Log, files *workspace.Workspace, trees Worktree, keep Retention, logger *slog.Logger) *Service {
	return &Service{db: db, log: log, files: files, trees: trees, keep: keep.withDefaults(), logger: logger}
}

// Snapshot is the commit that has the files of a branch's worktree; "" where it has none.
// It is taken ahead of the transaction that records it.
func (s *Service) Snapshot(ctx context.Context, on workspace.Branch) (string, error) {
	if s.trees == nil {
		return "", nil
	}
	commit, _, err := s.trees.Snapshot(ctx, on)
	return commit, err
}

// Point is where a checkpoint is recorded.
type Point struct {
	On workspace.Branch
	// Worktree is the commit that has the worktree's files; "" for none.
	Worktree string
	// ConversationID, RunID and ToolCallID may be empty.
	ConversationID, RunID, ToolCallID string
	// Position is that of the first message after the checkpoint.
	Position int
	// Reason is before what it is recorded, for people.
	Reason string
}

// Record records, as a part of tx, what the branch and the conversation are now. The
// caller has checked that it may be.
func (s *Service) Record(ctx context.Context, tx *store.Tx, p Point) (*ent.Checkpoint, error) {
	commit, err := s.files.TipTx(ctx, tx, p.On)
	if err != nil {
		return nil, err
	}
	create := tx.Ent.Checkpoint.Create().SetID(relay.NewID("chk")).SetProjectID(p.On.ProjectID).SetBranch(p.On.Name).
		SetHash(commit).SetPosition(p.Position).SetReason(p.Reason)
	if p.ConversationID != "" {
		c, err := tx.Ent.Conversation.Get(ctx, p.ConversationID)
		if err != nil {
			return nil, fmt.Errorf("read the conversation of a checkpoint: %w", err)
		}
		create.SetConversationID(c.ID).SetRetracted(c.Retracted)
	}
	if p.RunID != "" {
		create.SetRunID(p.RunID)
	}
	if p.ToolCallID != "" {
		create.SetToolCallID(p.ToolCallID)
	}
	made, err := create.Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("record a checkpoint: %w", err)
	}
	return made, s.files.KeepCheckpoint(ctx, tx, p.On.ProjectID, made.ID, commit, p.Worktree)
}
