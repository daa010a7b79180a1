// Package plan is the crew's common work: the manager turns a request into tasks with
// acceptance criteria, which become runs of other agents, in parallel, each on a branch of
// its own; what is shown to be done is merged, what failed is tried again or goes back to
// the manager. People see the same tasks on a board, and change them.
//
// A plan is moved on by any worker, in short transactions that hold its row. Nothing of it
// is in memory, and no worker is kept while others work.
package plan

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	"github.com/zeblit/zeblit/ent"
	entagent "github.com/zeblit/zeblit/ent/agent"
	"github.com/zeblit/zeblit/ent/criterion"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/task"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/command"
	"github.com/zeblit/zeblit/internal/merge"
	"github.com/zeblit/zeblit/internal/policy"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/workspace"
)

const (
	// MaxTasks bounds a plan and what a task depends on, MaxCriteria a task.
	MaxTasks    = 40
	MaxCriteria = 12
	// fanOut is how many tasks of a plan are worked on at once.
	fanOut = 8
	// maxDepth is how many runs may be above one.
	maxDepth = 3
	// maxAttempts is how often a task is tried before it counts as failed.
	maxAttempts = 3

	maxTitle       = 120     // characters
	maxDescription = 8 << 10 // bytes
	maxCriterion   = 500     // bytes
	maxSummary     = 4 << 10 // bytes
	maxNote        = 2 << 10 // bytes
)

// Service keeps plans and tasks, and moves them on where Run works.
type Service struct {
	db       *store.DB
	log      *stream.Log
	runs     *run.Control
	files    *workspace.Workspace
	merges   *merge.Service
	commands *command.Service
	rules    Permissions
	logger   *slog.Logger
	// hints holds a token while there may be something to do.
	hints chan struct{}
}

// Options are the parts that a Service works with.
type Options struct {
	DB       *store.DB
	Log      *stream.Log
	Runs     *run.Control
	Files    *workspace.Workspace
	Merges   *merge.Service
	Commands *command.Service
	// Permissions are the rules that commands are held to which are run once more; nil: none.
	Permissions Permissions
	Logger      *slog.Logger
}

// Permissions is what agents may do.
type Permissions interface {
	JudgeAnew(ctx context.Context, c *ent.Client, r *ent.Run, call policy.Call) (policy.Decision, error)
}

// New makes a Service.
func New(o Options) *Service {
	return &Service{
		db: o.DB, log: o.Log, runs: o.Runs, files: o.Files, merges: o.Merges, commands: o.Commands, rules: o.Permissions, logger: o.Logger,
		hints: make(chan struct{}, 1),
	}
}

// hint says that there may be something to do.
func (s *Service) hint() {
	select {
	case s.hints <- struct{}{}:
	default:
	}
}

// tellPlan and tellTask announce where a plan or a task stands.
func (s *Service) tellPlan(ctx context.Context, tx *store.Tx, p *ent.Plan, by stream.Actor) error {
	handle, err := access.StreamWriter(ctx, tx.Ent, p.ProjectID)
	if err != nil {
		return err
	}
	s.log.Append(tx, handle, stream.Draft{Type: enum.EventPlanChanged, RunID: p.RunID, Payload: stream.PlanPayload{V: 1, Plan: p, Actor: &by}})
	tx.AfterCommit(s.hint)
	return nil
}

func (s *Service) tellTask(ctx context.Context, tx *store.Tx, t *ent.Task, by stream.Actor) error {
	return s.announce(ctx, tx, t, false, by)
}

func (s *Service) announce(ctx context.Context, tx *store.Tx, t *ent.Task, deleted bool, by stream.Actor) error {
	handle, err := access.StreamWriter(ctx, tx.Ent, t.ProjectID)
	if err != nil {
		return err
	}
	s.log.Append(tx, handle, stream.Draft{
		Type: enum.EventTaskChanged, RunID: t.RunID, Payload: stream.TaskPayload{V: 1, Task: t, Deleted: deleted, Actor: &by},
	})
	tx.AfterCommit(s.hint)
	return nil
}

// numbered is a plan's tasks in the order of their numbers, which the manager calls them
// by: the first is 1.
func numbered(ctx context.Context, c *ent.Client, planID string) ([]*ent.Task, error) {
	all, err := c.Task.Query().Where(task.PlanID(planID)).Order(ent.Asc(task.FieldID)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the tasks of plan %s: %w", planID, err)
	}
	return all, nil
}

func criteriaOf(ctx context.Context, c *ent.Client, taskIDs ...string) (map[string][]*ent.Criterion, error) {
	all, err := c.Criterion.Query().Where(criterion.TaskIDIn(taskIDs...)).
		Order(ent.Asc(criterion.FieldTaskID, criterion.FieldPosition)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read criteria: %w", err)
	}
	by := map[string][]*ent.Criterion{}
	for _, c := range all {
		by[c.TaskID] = append(by[c.TaskID], c)
	}
	return by, nil
}

// crew is the agents by id.
func crew(ctx context.Context, c *ent.Client) (map[string]*ent.Agent, error) {
	all, err := c.Agent.Query().All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the agents: %w", err)
	}
	by := map[string]*ent.Agent{}
	for _, a := range all {
		by[a.ID] = a
	}
	return by, nil
}

func agentOf(ctx context.Context, c *ent.Client, slug string) (*ent.Agent, error) {
	a, err := c.Agent.Query().Where(entagent.Slug(slug)).Only(ctx)
	if err != nil {
		return nil, fmt.Errorf("find agent %s: %w", slug, err)
	}
	return a, nil
}

func ids(tasks []*ent.Task) []string {
	out := make([]string, len(tasks))
	for i, t := range tasks {
		out[i] = t.ID
	}
	return out
}

func numberOf(tasks []*ent.Task, id string) int {
	return slices.IndexFunc(tasks, func(t *ent.Task) bool { return t.ID == id }) + 1
}
