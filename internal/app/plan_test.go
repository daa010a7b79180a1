package app_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/config"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
)

// reviewers play a manager that plans one look at the project, and who looks: what is named
// "vague" can't be shown.
type reviewers struct {
	mu     sync.Mutex
	briefs []string // of what is vague
}

// told are the briefs so far.
func (r *reviewers) told() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.briefs)
}

func (r *reviewers) reply(q llmtest.Request) llmtest.Reply {
	last := q.Messages[len(q.Messages)-1]
	if strings.HasPrefix(q.System, "You are the Project Manager") {
		if q.Turn() > 0 && !strings.Contains(q.Results()[0].Text, "smaller") {
			return llmtest.Reply{llmtest.Say("I was told: " + q.Results()[0].Text)}
		}
		return llmtest.Reply{llmtest.Call("create_plan", object{"summary": "Look", "tasks": []object{
			{"key": "look", "title": "Look at it", "description": "x", "role": "security-engineer", "criteria": []string{"it was looked at"}},
		}})}
	}
	task := ""
	for _, m := range q.Messages {
		task += m.Text
	}
	vague := strings.Contains(task, "Your task: Be vague")
	switch {
	case len(last.ToolResults) > 0 || vague:
		if vague {
			r.mu.Lock()
			r.briefs = append(r.briefs, last.Text)
			r.mu.Unlock()
		}
		return llmtest.Reply{llmtest.Say("I looked.")}
	}
	return llmtest.Reply{llmtest.Call("show_criterion", object{"criterion": 1, "note": "looked"})}
}

const taskNow = `query($id: ID!) { node(id: $id) { ... on Task { state problem result attempts finishedAt criteria { id } run { state verification gaps } } } }`

// taskEnds waits until a task has ended.
func (s *system) taskEnds(t *testing.T, id string) (task object) {
	t.Helper()
	require.Eventually(t, func() bool {
		task = s.do(t, taskNow, object{"id": id})["node"].(object)
		return task["finishedAt"] != nil
	}, time.Minute, 50*time.Millisecond)
	return task
}

func TestPeopleDecideOnPlansAndTasks(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, cfg config.Config) {
		crew := &reviewers{}
		model := llmtest.NewServer(t, llmtest.Func(crew.reply))
		cfg.OpenAIKey, cfg.OpenAIBaseURL = "key", model.OpenAIURL()
		s := start(t, cfg)
		project := s.newProject(t, "Decided")
		s.do(t, `mutation($p: ID!) { updateProject(input: {projectId: $p, planApproval: true}) { project { planApproval } } }`, object{"p": project})

		// ask has the manager plan, and returns the plan that it proposes.
		ask := func() (run, plan string, task object) {
			run = s.send(t, project, "Look at it")
			require.Eventually(t, func() bool {
				p := s.do(t, `query($r: ID!) { node(id: $r) { ... on Run { state plan { id state tasks { id state run { id } } } } } }`, object{"r": run})["node"].(object)
				if p["plan"] == nil || p["state"] != "WAITING_FOR_AGENTS" {
					return false
				}
				require.Equal(t, "PROPOSED", p["plan"].(object)["state"])
				plan, task = p["plan"].(object)["id"].(string), p["plan"].(object)["tasks"].([]any)[0].(object)
				return true
			}, time.Minute, 50*time.Millisecond)
			return run, plan, task
		}
		// ends waits for the run's end and returns what its manager said.
		ends := func(run string) string {
			var r object
			require.Eventually(t, func() bool {
				r = s.do(t, `query($r: ID!) { node(id: $r) { ... on Run { state error conversation { messages(last: 1) { nodes { text } } } } } }`, object{"r": run})["node"].(object)
				return r["state"] == "SUCCEEDED" || r["state"] == "FAILED" || r["state"] == "CANCELLED"
			}, time.Minute, 50*time.Millisecond)
			require.Equal(t, "SUCCEEDED", r["state"], r["error"])
			return r["conversation"].(object)["messages"].(object)["nodes"].([]any)[0].(object)["text"].(string)
		}

		run, plan, task := ask()
		require.Equal(t, "PENDING", task["state"])
		require.Nil(t, task["run"], "nothing begins before")
		s.do(t, `mutation($p: ID!) { rejectPlan(input: {planId: $p, reason: "not today"}) { plan { state } } }`, object{"p": plan})
		said := ends(run)
		require.Contains(t, said, "The plan was rejected, and nothing of it was begun.")
		require.Contains(t, said, "The reason: not today")
		require.Equal(t, "CANCELLED", s.taskEnds(t, task["id"].(string))["state"])

		// A manager that proposes something else has the same plan, with other tasks.
		run, plan, task = ask()
		s.do(t, `mutation($p: ID!) { rejectPlan(input: {planId: $p, reason: "smaller, please"}) { plan { state } } }`, object{"p": plan})
		require.Eventually(t, func() bool {
			return s.do(t, `query($p: ID!) { node(id: $p) { ... on Plan { state } } }`, object{"p": plan})["node"].(object)["state"] == "PROPOSED"
		}, time.Minute, 50*time.Millisecond)
		s.do(t, `mutation($p: ID!) { approvePlan(input: {planId: $p}) { plan { state } } }`, object{"p": plan})
		require.Contains(t, ends(run), "1 of 1 tasks are completed.")
		require.Equal(t, "CANCELLED", s.taskEnds(t, task["id"].(string))["state"])

		run, plan, task = ask()
		s.do(t, `mutation($p: ID!) { approvePlan(input: {planId: $p}) { plan { state } } }`, object{"p": plan})
		require.Contains(t, ends(run), "1 of 1 tasks are completed.")
		done := s.taskEnds(t, task["id"].(string))
		require.Equal(t, []any{"COMPLETED", "VERIFIED"}, []any{done["state"], done["run"].(object)["verification"]})
		require.Eventually(t, func() bool {
			return s.do(t, `query($p: ID!) { node(id: $p) { ... on Plan { state } } }`, object{"p": plan})["node"].(object)["state"] == "DONE"
		}, time.Minute, 50*time.Millisecond)

		// A person's own task is tried three times, and once more without what can't be shown.
		vague := s.do(t, `mutation($p: ID!) { createTask(input: {projectId: $p, title: "Be vague", agent: "security-engineer", criteria: ["it is beautiful"]}) { task { id } } }`,
			object{"p": project})["createTask"].(object)["task"].(object)["id"].(string)
		const begin = `mutation($t: ID!) { startTask(input: {taskId: $t}) { task { attempts } } }`
		s.do(t, begin, object{"t": vague})
		failed := s.taskEnds(t, vague)
		require.Equal(t, []any{"FAILED", 3.0, "I looked."}, []any{failed["state"], failed["attempts"], failed["result"]})
		require.Equal(t, "after 3 tries, not shown yet: 1. it is beautiful", failed["problem"])
		require.Len(t, crew.told(), 3)
		require.Contains(t, crew.told()[0], "1. it is beautiful")
		require.Contains(t, crew.told()[2], "Try again: not shown yet: 1. it is beautiful")

		criterion := failed["criteria"].([]any)[0].(object)["id"]
		s.do(t, `mutation($c: ID!) { waiveCriterion(input: {criterionId: $c, reason: "it is a matter of taste"}) { task { id } } }`, object{"c": criterion})
		s.do(t, begin, object{"t": vague})
		done = s.taskEnds(t, vague)
		require.Equal(t, []any{"COMPLETED", nil, 1.0}, []any{done["state"], done["problem"], done["attempts"]})
		require.Equal(t, []any{"UNVERIFIED", []any{"Be vague: waived: it is beautiful"}}, []any{done["run"].(object)["verification"], done["run"].(object)["gaps"]})
		require.Len(t, crew.told(), 4)
		require.NotContains(t, crew.told()[3], "beautiful", "what people do without is not asked for")
	})
}
