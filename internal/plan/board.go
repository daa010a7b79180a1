package plan

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/task"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/agent"
	"github.com/zeblit/zeblit/internal/agent/tools"
	"github.com/zeblit/zeblit/internal/idempotency"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/relay"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
)

// CreateInput is a task that a person makes.
type CreateInput struct {
	ProjectID, Title, Description, Agent string
	Criteria, DependsOn                  []string
	Priority                             enum.TaskPriority
	// IdempotencyKey makes the same input do nothing again; "" is none.
	IdempotencyKey string
}

// byDefault does the tasks that nobody is named for.
const byDefault = "engineer"

// Create makes the viewer's task, who needs the role EDITOR, as all that changes tasks does.
func (s *Service) Create(ctx context.Context, in CreateInput) (t *ent.Task, err error) {
	viewer, err := access.RequireViewer(ctx)
	if err != nil {
		return nil, err
	}
	if in.Agent == "" {
		in.Agent = byDefault
	}
	err = s.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		id, _, err := idempotency.Do(ctx, tx, "createTask", in.IdempotencyKey, in, func() (string, error) {
			t, err := s.createAlone(ctx, tx, viewer.UserID, in)
			if err != nil {
				return "", err
			}
			return t.ID, nil
		})
		if err == nil {
			t, err = tx.Ent.Task.Get(ctx, id)
		}
		return err
	})
	return t, err
}

func (s *Service) createAlone(ctx context.Context, tx *store.Tx, userID string, in CreateInput) (*ent.Task, error) {
	if err := access.RequireRole(ctx, tx.Ent, in.ProjectID, enum.ProjectEditor); err != nil {
		return nil, err
	}
	draft := tools.TaskDraft{Title: in.Title, Description: in.Description, Role: in.Agent, Criteria: in.Criteria, Priority: in.Priority}
	if err := checkTask("", draft); err != nil {
		if p := problem.As(err); p != nil && p.Field == "role" {
			return nil, problem.BadField("agent", "%s", p.Message)
		}
		return nil, err
	}
	if err := needsAreThere(ctx, tx.Ent, in.ProjectID, nil, in.DependsOn); err != nil {
		return nil, err
	}
	worker, err := agentOf(ctx, tx.Ent, in.Agent)
	if err != nil {
		return nil, err
	}
	position, err := lastPosition(ctx, tx.Ent, in.ProjectID)
	if err != nil {
		return nil, err
	}
	t, err := tx.Ent.Task.Create().SetProjectID(in.ProjectID).SetAuthorID(userID).SetAgentID(worker.ID).SetTitle(strings.TrimSpace(in.Title)).
		SetDescription(in.Description).SetPriority(priority(in.Priority)).SetState(enum.TaskPending).SetPosition(position + 1).
		SetDependsOn(in.DependsOn).Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("make a task: %w", err)
	}
	if err := s.addCriteria(ctx, tx, t, in.Criteria); err != nil {
		return nil, err
	}
	return t, s.tellTask(ctx, tx, t, stream.Actor{UserID: userID})
}

// needsAreThere says whether a task, of that plan if any, may depend on these. Only what a
// plan is of moves it on: its tasks can't wait for others.
func needsAreThere(ctx context.Context, c *ent.Client, projectID string, planID *string, ids []string) error {
	if len(ids) > MaxTasks {
		return problem.BadField("dependsOn", "a task depends on at most %d others", MaxTasks)
	}
	if slices.ContainsFunc(ids, func(id string) bool { return relay.IDPrefix(id) != "tsk" }) {
		return problem.Missing("dependsOn", "task")
	}
	there, err := c.Task.Query().Where(task.ProjectID(projectID), task.IDIn(ids...)).All(ctx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		at := numberOf(there, id)
		if at == 0 {
			return problem.Missing("dependsOn", "task")
		}
		if on := there[at-1].PlanID; planID != nil && (on == nil || *on != *planID) {
			return problem.BadField("dependsOn", "a task of a plan can only wait for tasks of the same plan")
		}
	}
	return nil
}

// act does something to the viewer's task, whose row is held, or its plan's where it has one:
// one at a time begins and ends it.
func (s *Service) act(ctx context.Context, id string, do func(ctx context.Context, tx *store.Tx, t *ent.Task, by stream.Actor) (*ent.Task, error)) (*ent.Task, error) {
	return s.onBoard(ctx, id, func(ctx context.Context, tx *store.Tx, t *ent.Task, by stream.Actor) (*ent.Task, error) {
		if t.PlanID != nil {
			return do(ctx, tx, t, by)
		}
		t, err := tx.Ent.Task.UpdateOneID(t.ID).SetUpdatedAt(store.Now()).Save(ctx)
		if ent.IsNotFound(err) {
			return nil, problem.Missing("taskId", "task")
		}
		if err != nil {
			return nil, err
		}
		return do(ctx, tx, t, by)
	})
}

// onBoard does something to where the viewer's task is, with the row of its plan held where
// it has one. The task's own is not: who moves many takes them all in their order.
func (s *Service) onBoard(ctx context.Context, id string, do func(ctx context.Context, tx *store.Tx, t *ent.Task, by stream.Actor) (*ent.Task, error)) (t *ent.Task, err error) {
	viewer, err := access.RequireViewer(ctx)
	if err != nil {
		return nil, err
	}
	if relay.IDPrefix(id) != "tsk" {
		return nil, problem.Missing("taskId", "task")
	}
	err = s.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		t, err = tx.Ent.Task.Get(ctx, id)
		if ent.IsNotFound(err) {
			return problem.Missing("taskId", "task")
		}
		if err != nil {
			return err
		}
		if err := access.RequireRole(ctx, tx.Ent, t.ProjectID, enum.ProjectEditor); err != nil {
			return err
		}
		if t.PlanID != nil {
			p, err := tx.Ent.Plan.Get(ctx, *t.PlanID)
			if err != nil {
				return err
			}
			if _, err := s.hold(ctx, tx, p); err != nil {
				return err
			}
			if t, err = tx.Ent.Task.Get(ctx, id); err != nil {
				return err
			}
		}
		t, err = do(ctx, tx, t, stream.Actor{UserID: viewer.UserID})
		return err
	})
	return t, err
}

// UpdateInput is a change of a task; nil leaves a field as it is.
type UpdateInput struct {
	TaskID                    string
	Title, Description, Agent *string
	Priority                  *enum.TaskPriority
	DependsOn                 []string
}

// Update changes a task that isn't under way.
func (s *Service) Update(ctx context.Context, in UpdateInput) (*ent.Task, error) {
	return s.act(ctx, in.TaskID, func(ctx context.Context, tx *store.Tx, t *ent.Task, by stream.Actor) (*ent.Task, error) {
		if err := idle(t); err != nil {
			return nil, err
		}
		draft := tools.TaskDraft{Title: t.Title, Description: t.Description, Role: byDefault, Criteria: []string{"as before"}}
		set(&draft.Title, in.Title)
		set(&draft.Description, in.Description)
		set(&draft.Priority, in.Priority)
		if err := checkTask("", draft); err != nil {
			return nil, err
		}
		update := tx.Ent.Task.UpdateOneID(t.ID).SetTitle(strings.TrimSpace(draft.Title)).SetDescription(draft.Description).SetUpdatedAt(store.Now())
		if in.Priority != nil {
			update.SetPriority(*in.Priority)
		}
		if in.Agent != nil {
			if *in.Agent == "" {
				return nil, problem.BadField("agent", "say who does it, or leave it out")
			}
			if _, err := agent.Find(*in.Agent); err != nil {
				return nil, err
			}
			if err := s.assign(ctx, tx, t, *in.Agent); err != nil {
				return nil, err
			}
			update.SetAgentID(t.AgentID).SetConversationID(t.ConversationID).SetRunID(t.RunID)
		}
		if in.DependsOn != nil {
			if err := needsAreThere(ctx, tx.Ent, t.ProjectID, t.PlanID, in.DependsOn); err != nil {
				return nil, err
			}
			if err := noCycle(ctx, tx.Ent, t, in.DependsOn); err != nil {
				return nil, err
			}
			update.SetDependsOn(in.DependsOn)
		}
		t, err := update.Save(ctx)
		if err != nil {
			return nil, err
		}
		return t, s.tellTask(ctx, tx, t, by)
	})
}

func set[T any](to *T, value *T) {
	if value != nil {
		*to = *value
	}
}

func idle(t *ent.Task) error {
	if t.State == enum.TaskInProgress || t.State == enum.TaskMerging {
		return problem.New(problem.Conflict, "the task is %s: cancel it first", t.State)
	}
	return nil
}

func noCycle(ctx context.Context, c *ent.Client, t *ent.Task, dependsOn []string) error {
	all, err := c.Task.Query().Where(task.ProjectID(t.ProjectID)).Select(task.FieldID, task.FieldDependsOn).All(ctx)
	if err != nil {
		return err
	}
	needs := map[string][]string{}
	for _, other := range all {
		needs[other.ID] = other.DependsOn
	}
	needs[t.ID] = dependsOn
	if cycle(needs, []string{t.ID}) != nil {
		return problem.BadField("dependsOn", "these tasks would wait for each other, so that none could ever begin")
	}
	return nil
}

// Place puts a task right after another of its project on the board, or first.
func (s *Service) Place(ctx context.Context, id string, after *string) (*ent.Task, error) {
	return s.onBoard(ctx, id, func(ctx context.Context, tx *store.Tx, t *ent.Task, by stream.Actor) (*ent.Task, error) {
		all, err := tx.Ent.Task.Query().Where(task.ProjectID(t.ProjectID), task.IDNEQ(t.ID)).
			Order(ent.Asc(task.FieldPosition, task.FieldID)).All(ctx)
		if err != nil {
			return nil, err
		}
		at := 0
		if after != nil {
			if at = numberOf(all, *after); at == 0 {
				return nil, problem.Missing("afterTaskId", "task")
			}
		}
		for i, other := range slices.Insert(all, at, t) {
			if other.Position == i+1 {
				continue
			}
			moved, err := tx.Ent.Task.UpdateOneID(other.ID).SetPosition(i + 1).SetUpdatedAt(store.Now()).Save(ctx)
			if err != nil {
				return nil, err
			}
			if err := s.tellTask(ctx, tx, moved, by); err != nil {
				return nil, err
			}
			if other.ID == t.ID {
				t = moved
			}
		}
		return t, nil
	})
}

// Start has the agent of a person's task begin; one of a plan goes back among those that
// wait.
func (s *Service) Start(ctx context.Context, id string) (*ent.Task, error) {
	return s.act(ctx, id, func(ctx context.Context, tx *store.Tx, t *ent.Task, by stream.Actor) (*ent.Task, error) {
		if err := idle(t); err != nil {
			return nil, err
		}
		if t.State == enum.TaskCompleted {
			return nil, problem.New(problem.Conflict, "the task is COMPLETED already")
		}
		open, err := tx.Ent.Task.Query().Where(task.IDIn(t.DependsOn...), task.StateNEQ(enum.TaskCompleted)).First(ctx)
		if err == nil {
			return nil, problem.New(problem.Conflict, "it needs %q, which is %s", open.Title, open.State)
		}
		if !ent.IsNotFound(err) {
			return nil, err
		}
		if t.PlanID == nil {
			t.Attempts = 0
			if err := tx.Ent.Task.UpdateOneID(t.ID).SetAttempts(0).Exec(ctx); err != nil {
				return nil, err
			}
			return s.begin(ctx, tx, nil, t, "")
		}
		p, err := tx.Ent.Plan.Get(ctx, *t.PlanID)
		if err != nil {
			return nil, err
		}
		if over(p) {
			return nil, problem.New(problem.Conflict, "its plan is %s, and nobody moves it on any more: make a new task", p.State)
		}
		if err := s.renew(ctx, tx, t, by); err != nil {
			return nil, err
		}
		return tx.Ent.Task.Get(ctx, t.ID)
	})
}

// Cancel ends a task, its run, and the merge of its branch.
func (s *Service) Cancel(ctx context.Context, id string) (*ent.Task, error) {
	return s.act(ctx, id, func(ctx context.Context, tx *store.Tx, t *ent.Task, by stream.Actor) (*ent.Task, error) {
		if t.State == enum.TaskCompleted || t.State == enum.TaskCancelled {
			return t, nil
		}
		t, err := s.cancelTask(ctx, tx, t, "a person ended it", by)
		if err != nil {
			return nil, err
		}
		return t, s.tellTask(ctx, tx, t, by)
	})
}

// Delete removes a task that isn't under way and that no other depends on. The manager calls
// the tasks of a plan by their numbers, which stay what they are until it is over.
func (s *Service) Delete(ctx context.Context, id string) error {
	_, err := s.act(ctx, id, func(ctx context.Context, tx *store.Tx, t *ent.Task, by stream.Actor) (*ent.Task, error) {
		if err := idle(t); err != nil {
			return nil, err
		}
		if t.PlanID != nil {
			p, err := tx.Ent.Plan.Get(ctx, *t.PlanID)
			if err != nil {
				return nil, err
			}
			if !over(p) {
				return nil, problem.New(problem.Conflict, "its plan is %s: cancel it instead", p.State)
			}
		}
		all, err := tx.Ent.Task.Query().Where(task.ProjectID(t.ProjectID)).All(ctx)
		if err != nil {
			return nil, err
		}
		for _, other := range all {
			if slices.Contains(other.DependsOn, t.ID) {
				return nil, problem.New(problem.Conflict, "%q depends on it", other.Title)
			}
		}
		if err := s.announce(ctx, tx, t, true, by); err != nil {
			return nil, err
		}
		return t, tx.Ent.Task.DeleteOneID(t.ID).Exec(ctx)
	})
	return err
}
