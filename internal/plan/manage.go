package plan

import (
	"context"
	"fmt"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	entplan "github.com/zeblit/zeblit/ent/plan"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/agent"
	"github.com/zeblit/zeblit/internal/agent/tools"
	"github.com/zeblit/zeblit/internal/merge"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/workspace"
)

// Await has the call's run wait until its plan needs it.
func (s *Service) Await(ctx context.Context, tx *store.Tx, env tools.Env) error {
	p, err := s.planOf(ctx, tx, env.RunID)
	if err != nil {
		return err
	}
	tx.AfterCommit(s.hint)
	return tx.Ent.Plan.UpdateOneID(p.ID).SetCallID(env.CallID).Exec(ctx)
}

// Change does what the manager decides about one task.
func (s *Service) Change(ctx context.Context, tx *store.Tx, env tools.Env, c tools.TaskChange) error {
	p, err := s.planOf(ctx, tx, env.RunID)
	if err != nil {
		return err
	}
	r, err := tx.Ent.Run.Get(ctx, env.RunID)
	if err != nil {
		return err
	}
	by := stream.Actor{AgentID: r.AgentID}
	tasks, err := numbered(ctx, tx.Ent, p.ID)
	if err != nil {
		return err
	}
	t, err := byNumber(tasks, c.Task)
	if err != nil {
		return err
	}
	if err := checkText("note", "a note", c.Note, maxNote); err != nil {
		return err
	}
	if c.Action == "CANCEL" {
		if t.State == enum.TaskCompleted || t.State == enum.TaskCancelled {
			return problem.New(problem.Conflict, "task %d is %s already", c.Task, t.State)
		}
		if t, err = s.cancelTask(ctx, tx, t, c.Note, by); err != nil {
			return err
		}
		return s.tellTask(ctx, tx, t, by)
	}
	again := t.State.Settled()
	if t.State == enum.TaskCompleted {
		if again, err = stale(ctx, tx.Ent, t.ID); err != nil {
			return err
		}
	}
	if !again {
		return problem.New(problem.Conflict, "task %d is %s: only one that is FAILED, BLOCKED or CANCELLED, or of which something shown doesn't hold any more, can be begun anew", c.Task, t.State)
	}
	if c.Action == "REASSIGN" {
		if err := s.assign(ctx, tx, t, c.Role); err != nil {
			return err
		}
	}
	if c.Note != "" {
		t.Description = clip(t.Description+"\n\n"+c.Note, maxDescription)
	}
	return s.renew(ctx, tx, t, by)
}

// assign gives the task to another agent, who begins in a conversation of its own.
func (s *Service) assign(ctx context.Context, tx *store.Tx, t *ent.Task, slug string) error {
	role, err := agent.Find(slug)
	if err != nil {
		return problem.BadField("role", "%s", problem.As(err).Message)
	}
	worker, err := agentOf(ctx, tx.Ent, role.Slug)
	if err != nil {
		return err
	}
	if worker.ID != t.AgentID {
		t.AgentID, t.ConversationID, t.RunID = worker.ID, "", ""
	}
	return nil
}

// renew puts a settled task back among those that wait.
func (s *Service) renew(ctx context.Context, tx *store.Tx, t *ent.Task, by stream.Actor) error {
	now, err := tx.Ent.Task.UpdateOneID(t.ID).SetState(enum.TaskPending).SetAgentID(t.AgentID).SetConversationID(t.ConversationID).
		SetRunID(t.RunID).SetDescription(t.Description).SetAttempts(0).SetProblem("").ClearFinishedAt().SetUpdatedAt(store.Now()).Save(ctx)
	if err != nil {
		return err
	}
	return s.tellTask(ctx, tx, now, by)
}

func byNumber(tasks []*ent.Task, number int) (*ent.Task, error) {
	if number < 1 || number > len(tasks) {
		return nil, problem.BadField("task", "there is no task %d: the plan has %d", number, len(tasks))
	}
	return tasks[number-1], nil
}

// Resolve decides the conflicts in which the merge of a task's branch ended, and has it
// merged again. Decided a second time it does nothing.
func (s *Service) Resolve(ctx context.Context, env tools.Env, number int, decisions []merge.Decision) error {
	var m *ent.Merge
	var t *ent.Task
	p, err := s.db.Ent.Plan.Query().Where(entplan.RunID(env.RunID)).Only(ctx)
	if ent.IsNotFound(err) {
		return problem.New(problem.PreconditionFailed, "there is no plan yet: make one with create_plan")
	}
	if err != nil {
		return err
	}
	tasks, err := numbered(ctx, s.db.Ent, p.ID)
	if err != nil {
		return err
	}
	if t, err = byNumber(tasks, number); err != nil {
		return err
	}
	if t.RunID != "" {
		r, err := s.db.Ent.Run.Get(ctx, t.RunID)
		if err != nil {
			return err
		}
		if m, err = lastMerge(ctx, s.db.Ent, r); err != nil {
			return err
		}
	}
	if t.State == enum.TaskMerging || t.State == enum.TaskCompleted {
		return nil
	}
	if m == nil {
		return problem.New(problem.Conflict, "task %d has nothing to merge: it is %s", number, t.State)
	}
	if m.State == enum.MergeConflicted {
		if err := mayDecide(ctx, decisions); err != nil {
			return err
		}
		if _, _, err := s.merges.Resolve(ctx, m.ID, decisions, "Merge the work on: "+t.Title); err != nil {
			return err
		}
	}
	return s.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if _, err := s.hold(ctx, tx, p); err != nil {
			return err
		}
		if t, err = tx.Ent.Task.Get(ctx, t.ID); err != nil {
			return err
		}
		if t.State == enum.TaskCancelled {
			return problem.New(problem.Conflict, "task %d was cancelled just now", number)
		}
		now, err := tx.Ent.Task.UpdateOneID(t.ID).SetState(enum.TaskMerging).SetProblem("").SetUpdatedAt(store.Now()).Save(ctx)
		if err != nil {
			return fmt.Errorf("have task %d merged again: %w", number, err)
		}
		return s.tellTask(ctx, tx, now, stream.Actor{UserID: p.UserID})
	})
}

// mayDecide refuses decisions that write what the agent, in whose name ctx is, may not write
// with another tool either.
func mayDecide(ctx context.Context, decisions []merge.Decision) error {
	viewer := access.ViewerFrom(ctx)
	if viewer == nil || viewer.Agent == "" {
		return nil
	}
	role, err := agent.Find(viewer.Agent)
	if err != nil {
		return err
	}
	changes := make([]workspace.Change, len(decisions))
	for i, d := range decisions {
		changes[i] = workspace.Change{Path: d.Path, Content: d.Text}
	}
	return run.MayChange(role, changes)
}
