package run

import (
	"context"
	"fmt"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/run"
	"github.com/zeblit/zeblit/internal/agent/tools"
	"github.com/zeblit/zeblit/internal/checkpoint"
	"github.com/zeblit/zeblit/internal/merge"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/workspace"
)

// branchOf is where a run works.
func branchOf(r *ent.Run) workspace.Branch {
	return workspace.Branch{ProjectID: r.ProjectID, Name: r.Branch}
}

// Merges is where the branches of runs that succeeded are queued to be merged.
type Merges interface {
	Enqueue(ctx context.Context, tx *store.Tx, o merge.Order) (*ent.Merge, error)
}

// Plans is where the manager's plans are worked off.
type Plans interface {
	tools.Plans
	// Verify says how far what a run has done is shown, and what is not; "" when it has
	// nothing to show.
	Verify(ctx context.Context, tx *store.Tx, r *ent.Run) (verification enum.Verification, gaps []string, err error)
}

// mergeBranch queues the branch of a run that succeeded, unless another run goes on with
// it, which then queues it, or it is a task's, whose plan does. One that only answers works
// on the branch of who asked, and a fork's is merged by people.
func (e *Engine) mergeBranch(ctx context.Context, tx *store.Tx, r *ent.Run) error {
	if !workspace.IsRunBranch(r.Branch) || r.TaskID != "" || r.CallID != "" || e.merges == nil {
		return nil
	}
	others, err := tx.Ent.Run.Query().Where(run.ProjectID(r.ProjectID), run.Branch(r.Branch), run.IDNEQ(r.ID), run.CallID(""), unended()).Exist(ctx)
	if err != nil || others {
		return err
	}
	base, err := Base(ctx, tx.Ent, r)
	if err != nil {
		return err
	}
	_, err = e.merges.Enqueue(ctx, tx, merge.Order{ProjectID: r.ProjectID, Source: r.Branch, Target: base, UserID: r.UserID, AgentID: r.AgentID, RunID: r.ID})
	if problem.Is(err, problem.Conflict) {
		return nil // it waits already, and takes the branch as it is by then
	}
	return err
}

// recordCheckpoint records what the run's branch and conversation are, in the transaction
// that starts a call which may change them. The conversation's place is before the answer
// that planned the call.
func (e *Engine) recordCheckpoint(ctx context.Context, tx *store.Tx, l *lease, call *ent.ToolCall, worktree string) error {
	m, err := tx.Ent.Message.Get(ctx, call.MessageID)
	if err != nil {
		return fmt.Errorf("read the message of call %s: %w", call.ID, err)
	}
	_, err = e.checkpoints.Record(ctx, tx, checkpoint.Point{
		On: branchOf(l.run), Worktree: worktree, ConversationID: l.run.ConversationID, RunID: l.run.ID, ToolCallID: call.ID,
		Position: m.Position, Reason: "before " + call.Name,
	})
	return err
}

// Base is the branch at which the own branch of a run, and of those below it, begins and
// into which it is merged: main, "", or that of the fork in which a person asked for the work.
func Base(ctx context.Context, c *ent.Client, r *ent.Run) (string, error) {
	for !workspace.IsForkBranch(r.Branch) {
		if r.ParentID == nil {
			return talkBranch(ctx, c, r)
		}
		above, err := c.Run.Get(ctx, *r.ParentID)
		if err != nil {
			return "", fmt.Errorf("read the run above run %s: %w", r.ID, err)
		}
		r = above
	}
	return r.Branch, nil
}

// talkBranch is the branch of a run's conversation: what people say to a task's agent once
// its run has ended begins one with no run above it.
func talkBranch(ctx context.Context, c *ent.Client, r *ent.Run) (string, error) {
	talk, err := c.Conversation.Get(ctx, r.ConversationID)
	if ent.IsNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the conversation of run %s: %w", r.ID, err)
	}
	return talk.Branch, nil
}

// beginBranch makes the branch of a run that begins, at what its base is by then.
func (e *Engine) beginBranch(ctx context.Context, tx *store.Tx, r *ent.Run) error {
	if r.Branch == "" {
		return nil
	}
	base, err := Base(ctx, tx.Ent, r)
	if err != nil {
		return err
	}
	from := workspace.Branch{ProjectID: r.ProjectID, Name: base}
	return e.workspace.BeginTx(ctx, tx, branchOf(r), from, workspace.Author{AgentID: r.AgentID, RunID: r.ID})
}
