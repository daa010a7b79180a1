package graph_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/agent/tools"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

func TestAPlanIsApprovedOrRejectedOnce(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, db *store.DB, url string) {
		b := setupBoard(t, db, url)
		yes, no := b.proposed(), b.proposed()
		for _, reason := range []string{strings.Repeat("x", 2<<10+1), "a\x00"} {
			require.Equal(t, object{"code": "BAD_USER_INPUT", "field": "reason"}, b.refused(b.ada, "rejectPlan", "planId", no, "reason", reason))
		}
		for range 2 {
			require.Equal(t, object{"plan": object{"id": yes, "state": "ACTIVE"}}, b.change("approvePlan", "planId", yes))
		}
		require.Equal(t, conflict, b.refused(b.ada, "rejectPlan", "planId", yes))
		rejected := at(b.change("rejectPlan", "planId", no, "reason", "too much"), "plan")
		require.Equal(t, []any{"CANCELLED", object{"state": "CANCELLED", "problem": "the plan was rejected"}}, []any{at(rejected, "state"), at(rejected, "tasks", 0)})
		require.NotNil(t, at(rejected, "finishedAt"))
		require.Equal(t, conflict, b.refused(b.ada, "rejectPlan", "planId", no))
		require.Equal(t, conflict, b.refused(b.ada, "approvePlan", "planId", no))

		plans := at(b.do(as(b.guest), t, `query($p: ID!) { project(id: $p) { planApproval plans { nodes {
			id summary run { id plan { id } } tasks { id plan { id } author { id } } progress { completed troubled total usage { calls } } } } } }`, object{"p": b.project}), "project", "plans", "nodes").([]any)
		require.Equal(t, []any{no, yes}, []any{at(plans[0], "id"), at(plans[1], "id")}, "the newest first")
		require.Equal(t, object{"completed": 0.0, "troubled": 0.0, "total": 0.0, "usage": object{"calls": 0.0}}, at(plans[0], "progress"))
		require.Equal(t, []any{yes, yes, "Write it", nil, 1.0}, []any{
			at(plans[1], "run", "plan", "id"), at(plans[1], "tasks", 0, "plan", "id"), at(plans[1], "summary"), at(plans[1], "tasks", 0, "author"), at(plans[1], "progress", "total"),
		})
		require.Equal(t, conflict, b.refused(b.ada, "startTask", "taskId", at(plans[0], "tasks", 0, "id")), "nobody would move it on")
	})
}

// The manager of a plan that was rejected is told so whatever it does with it, never waits
// for it, and may propose another in its place.
func TestARejectedPlanIsProposedAnew(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, db *store.DB, url string) {
		b := setupBoard(t, db, url)
		id := b.proposed()
		p, err := db.Ent.Plan.Get(storetest.Unchecked(t.Context()), id)
		require.NoError(t, err)
		env := tools.Env{ProjectID: b.project, RunID: p.RunID}
		call := func(do func(ctx context.Context, tx *store.Tx) error) *problem.Error {
			return problem.As(db.InTx(access.As(t.Context(), access.Engine), do))
		}
		draft := func(title string) tools.TaskDraft {
			return tools.TaskDraft{Key: title, Title: title, Role: "product-manager", Criteria: []string{"it is there"}}
		}
		propose := func(ctx context.Context, tx *store.Tx) error {
			return b.plans.Propose(ctx, tx, env, tools.PlanDraft{Summary: "Less", Tasks: []tools.TaskDraft{draft("Sketch")}})
		}
		require.Equal(t, problem.Conflict, call(propose).Code, "it waits for people")
		old := at(b.change("rejectPlan", "planId", id, "reason", "smaller, please"), "plan", "tasks", 0)
		require.Equal(t, "CANCELLED", at(old, "state"))

		for name, do := range map[string]func(ctx context.Context, tx *store.Tx) error{
			"add": func(ctx context.Context, tx *store.Tx) error {
				return b.plans.Add(ctx, tx, env, []tools.TaskDraft{draft("More")})
			},
			"change": func(ctx context.Context, tx *store.Tx) error {
				return b.plans.Change(ctx, tx, env, tools.TaskChange{Task: 1, Action: "RETRY"})
			},
			"await": func(ctx context.Context, tx *store.Tx) error { return b.plans.Await(ctx, tx, env) },
		} {
			refused := call(do)
			require.NotNil(t, refused, name)
			require.Equal(t, problem.PreconditionFailed, refused.Code, name)
			require.Contains(t, refused.Message, "create_plan", name)
		}

		for _, approval := range []bool{true, false} {
			require.NoError(t, db.Ent.Project.UpdateOneID(b.project).SetPlanApproval(approval).Exec(storetest.Unchecked(t.Context())))
			require.Nil(t, call(propose))
			now := at(b.do(as(b.ada), t, `query($id: ID!) { node(id: $id) { ... on Plan { state summary finishedAt tasks { title state } progress { total } } } }`, object{"id": id}), "node")
			state := map[bool]string{true: "PROPOSED", false: "ACTIVE"}[approval]
			require.Equal(t, object{
				"state": state, "summary": "Less", "finishedAt": nil, "tasks": []any{object{"title": "Sketch", "state": "PENDING"}}, "progress": object{"total": 1.0},
			}, now)
			if approval {
				b.change("rejectPlan", "planId", id)
			}
		}
		require.Equal(t, []any{"Write", "Sketch"}, b.titles("CANCELLED"), "what was rejected stays on the board")
		require.Equal(t, []any{"Sketch"}, b.titles("PENDING"))
	})
}

func TestPeopleChangeWhatIsPlanned(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, db *store.DB, url string) {
		b := setupBoard(t, db, url)
		plan := b.proposed()
		b.change("approvePlan", "planId", plan)
		planned := at(b.do(as(b.ada), t, `query($id: ID!) { node(id: $id) { ... on Plan { tasks { id criteria { id state evidence { note } } } } } }`, object{"id": plan}), "node", "tasks", 0)
		id := at(planned, "id")
		mine := b.task("Mine", "dependsOn", []any{id})

		// What a plan's task waits for has to be moved on by the plan as well.
		for _, needs := range []any{at(mine, "id"), at(b.task("Apart"), "id")} {
			require.Equal(t, object{"code": "BAD_USER_INPUT", "field": "dependsOn"}, b.refused(b.ada, "updateTask", "taskId", id, "dependsOn", []any{needs}))
		}
		changed := at(b.change("updateTask", "taskId", id, "agent", "architect", "description", "shorter"), "task")
		require.Equal(t, []any{"architect", "shorter", plan}, []any{at(changed, "agent", "slug"), at(changed, "description"), at(changed, "plan", "id")})

		b.now(id, enum.TaskFailed)
		require.EqualValues(t, 1, at(b.do(as(b.ada), t, `query($id: ID!) { node(id: $id) { ... on Plan { progress { troubled } } } }`, object{"id": plan}), "node", "progress", "troubled"))
		again := at(b.change("startTask", "taskId", id), "task")
		require.Equal(t, []any{"PENDING", nil, nil}, []any{at(again, "state"), at(again, "run"), at(again, "finishedAt")}, "it begins when the plan has room")
		require.Equal(t, conflict, b.refused(b.ada, "startTask", "taskId", at(mine, "id")))

		criterion := at(planned, "criteria", 0, "id")
		require.Equal(t, []any{"OPEN", nil}, []any{at(planned, "criteria", 0, "state"), at(planned, "criteria", 0, "evidence")})
		for _, reason := range []string{strings.Repeat("x", 2<<10+1), "a\x00"} {
			require.Equal(t, object{"code": "BAD_USER_INPUT", "field": "reason"}, b.refused(b.ada, "waiveCriterion", "criterionId", criterion, "reason", reason))
		}
		waived := b.change("waiveCriterion", "criterionId", criterion, "reason", "it's obvious")
		require.Equal(t, object{"criterion": object{"state": "WAIVED", "evidence": object{"note": "it's obvious"}}, "task": object{"id": id}}, waived)
		require.Equal(t, "CANCELLED", at(b.change("cancelTask", "taskId", id), "task", "state"))
	})
}
