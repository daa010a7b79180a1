package tools

import (
	"context"
	"encoding/json"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/merge"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
)

// Plans is where the manager's plans are kept and worked off. What takes a transaction
// writes as a part of the call's record.
type Plans interface {
	// Check says what is wrong with a plan's tasks.
	Check(tasks []TaskDraft) error
	// Propose makes the plan of the call's run, which waits for it from then on.
	Propose(ctx context.Context, tx *store.Tx, env Env, p PlanDraft) error
	// Add adds tasks to the plan.
	Add(ctx context.Context, tx *store.Tx, env Env, tasks []TaskDraft) error
	// Await has the call's run wait until the plan needs it.
	Await(ctx context.Context, tx *store.Tx, env Env) error
	// Change changes one task.
	Change(ctx context.Context, tx *store.Tx, env Env, c TaskChange) error
	// Resolve decides the conflicts in which the merge of a task's branch ended.
	Resolve(ctx context.Context, env Env, task int, decisions []merge.Decision) error
	// Show closes a criterion of the task that the call's run works on.
	Show(ctx context.Context, env Env, e Evidence) (apply func(ctx context.Context, tx *store.Tx) error, text string, err error)
}

// PlanDraft is a plan as the manager wants it.
type PlanDraft struct {
	Summary string      `json:"summary"`
	Tasks   []TaskDraft `json:"tasks"`
}

// TaskDraft is a task as the manager wants it. Key names it among those that come with it.
type TaskDraft struct {
	Key         string            `json:"key"`
	Title       string            `json:"title"`
	Description string            `json:"description"`
	Role        string            `json:"role"`
	Criteria    []string          `json:"criteria"`
	DependsOn   []string          `json:"depends_on"`
	Priority    enum.TaskPriority `json:"priority"`
}

// TaskChange is what the manager decides about one task, by its number.
type TaskChange struct {
	Task   int    `json:"task"`
	Action string `json:"action"`
	Role   string `json:"role"`
	Note   string `json:"note"`
}

// Evidence is what shows that a criterion is met.
type Evidence struct {
	Criterion int      `json:"criterion"`
	CommandID string   `json:"command_id"`
	Files     []string `json:"files"`
	Note      string   `json:"note"`
}

const taskSchema = `{"type":"object","properties":{` +
	`"key":{"type":"string","description":"a short name that other tasks' depends_on use"},` +
	`"title":{"type":"string","maxLength":120},` +
	`"description":{"type":"string","description":"what to do, with the context that is needed: the agent sees no more of the request than this"},` +
	`"role":{"type":"string","description":"who does it: product-manager, architect, data-analyst, engineer, platform-engineer or security-engineer"},` +
	`"criteria":{"type":"array","minItems":1,"maxItems":12,"items":{"type":"string","minLength":1},"description":"what has to be shown before it counts as done, each by a command that succeeds or by files"},` +
	`"depends_on":{"type":"array","items":{"type":"string"},"description":"keys of tasks that have to be completed before"},` +
	`"priority":{"type":"string","enum":["LOW","MEDIUM","HIGH","URGENT"]}},` +
	`"required":["key","title","description","role","criteria"],"additionalProperties":false}`

type createPlan struct{}

func (createPlan) Name() string { return "create_plan" }

func (createPlan) Schema() string {
	return `{"type":"object","properties":{"summary":{"type":"string","description":"what will be built, in a few sentences, for the person who asked"},` +
		`"tasks":{"type":"array","minItems":1,"maxItems":40,"items":` + taskSchema + `}},"required":["summary","tasks"],"additionalProperties":false}`
}

func (createPlan) Run(_ context.Context, env Env, input json.RawMessage) (Outcome, error) {
	var in PlanDraft
	if err := decode(input, &in); err != nil {
		return Outcome{}, err
	}
	if err := required("summary", in.Summary); err != nil {
		return Outcome{}, err
	}
	if err := env.Plans.Check(in.Tasks); err != nil {
		return Outcome{}, err
	}
	return Outcome{
		Wait:  enum.RunWaitingForAgents,
		Apply: func(ctx context.Context, tx *store.Tx) error { return env.Plans.Propose(ctx, tx, env, in) },
	}, nil
}

type addTasks struct{}

func (addTasks) Name() string { return "add_tasks" }

// Trusted says that its result is ours alone.
func (addTasks) Trusted() bool { return true }

func (addTasks) Schema() string {
	return `{"type":"object","properties":{"tasks":{"type":"array","minItems":1,"maxItems":20,"items":` + taskSchema + `}},"required":["tasks"],"additionalProperties":false}`
}

func (addTasks) Run(_ context.Context, env Env, input json.RawMessage) (Outcome, error) {
	var in struct {
		Tasks []TaskDraft `json:"tasks"`
	}
	if err := decode(input, &in); err != nil {
		return Outcome{}, err
	}
	return Outcome{
		Text:  "the tasks are in the plan; call wait_for_tasks to have them done",
		Apply: func(ctx context.Context, tx *store.Tx) error { return env.Plans.Add(ctx, tx, env, in.Tasks) },
	}, nil
}

type waitForTasks struct{}

func (waitForTasks) Name() string { return "wait_for_tasks" }

func (waitForTasks) Schema() string {
	return `{"type":"object","properties":{},"additionalProperties":false}`
}

func (waitForTasks) Run(_ context.Context, env Env, input json.RawMessage) (Outcome, error) {
	if err := decode(input, &struct{}{}); err != nil {
		return Outcome{}, err
	}
	return Outcome{
		Wait:  enum.RunWaitingForAgents,
		Apply: func(ctx context.Context, tx *store.Tx) error { return env.Plans.Await(ctx, tx, env) },
	}, nil
}

type updateTask struct{}

func (updateTask) Name() string { return "update_task" }

// Trusted says that its result is ours alone.
func (updateTask) Trusted() bool { return true }

func (updateTask) Schema() string {
	return `{"type":"object","properties":{"task":{"type":"integer","minimum":1,"description":"its number in the plan"},` +
		`"action":{"type":"string","enum":["RETRY","REASSIGN","CANCEL"]},` +
		`"role":{"type":"string","description":"who does it from now on, with REASSIGN"},` +
		`"note":{"type":"string","description":"what the agent is to know or do differently"}},"required":["task","action"],"additionalProperties":false}`
}

func (updateTask) Run(_ context.Context, env Env, input json.RawMessage) (Outcome, error) {
	var in TaskChange
	if err := decode(input, &in); err != nil {
		return Outcome{}, err
	}
	if in.Action == "REASSIGN" {
		if err := required("role", in.Role); err != nil {
			return Outcome{}, err
		}
	} else if in.Role != "" {
		return Outcome{}, problem.BadField("role", "role goes with REASSIGN only")
	}
	return Outcome{
		Text:  "done; call wait_for_tasks to have the tasks worked on",
		Apply: func(ctx context.Context, tx *store.Tx) error { return env.Plans.Change(ctx, tx, env, in) },
	}, nil
}

type showCriterion struct{}

func (showCriterion) Name() string { return "show_criterion" }

// Trusted says that its result is ours alone.
func (showCriterion) Trusted() bool { return true }

func (showCriterion) Schema() string {
	return `{"type":"object","properties":{"criterion":{"type":"integer","minimum":1,"description":"its number in your task"},` +
		`"command_id":{"type":"string","description":"a command of yours that ended with exit status 0 and shows it"},` +
		`"files":{"type":"array","items":{"type":"string"},"maxItems":20,"description":"files in the project that show it"},` +
		`"note":{"type":"string","description":"how that shows it, in a sentence"}},"required":["criterion","note"],"additionalProperties":false}`
}

func (showCriterion) Run(ctx context.Context, env Env, input json.RawMessage) (Outcome, error) {
	var in Evidence
	if err := decode(input, &in); err != nil {
		return Outcome{}, err
	}
	if err := required("note", in.Note); err != nil {
		return Outcome{}, err
	}
	apply, text, err := env.Plans.Show(ctx, env, in)
	return Outcome{Text: text, Apply: apply}, err
}
