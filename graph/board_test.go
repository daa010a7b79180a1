package graph_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent/enum"
	entplan "github.com/zeblit/zeblit/ent/plan"
	"github.com/zeblit/zeblit/graph"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/agent"
	"github.com/zeblit/zeblit/internal/agent/tools"
	"github.com/zeblit/zeblit/internal/merge"
	"github.com/zeblit/zeblit/internal/plan"
	"github.com/zeblit/zeblit/internal/relay"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

// board is a project with a board: ada's, which guest only sees and eve doesn't.
type board struct {
	*bundle
	t               *testing.T
	plans           *plan.Service
	project         string
	ada, guest, eve access.Viewer
}

func setupBoard(t *testing.T, db *store.DB, url string) *board {
	t.Helper()
	if !storetest.IsPostgres(db) {
		url = ""
	}
	quiet := slog.New(slog.DiscardHandler)
	require.NoError(t, agent.Register(t.Context(), db))
	require.NoError(t, run.MigrateQueue(t.Context(), db, quiet))
	queue, err := run.NewQueue(t.Context(), db, url, quiet)
	require.NoError(t, err)
	t.Cleanup(queue.Close)
	b := &board{t: t, ada: storetest.User(t, db, "ada@example.com"), guest: storetest.User(t, db, "guest@example.com"), eve: storetest.User(t, db, "eve@example.com")}
	b.bundle = setup(t, db, func(d *graph.Deps) {
		b.plans = plan.New(plan.Options{DB: db, Log: d.Log, Runs: run.NewControl(d.Log, queue), Files: d.Workspace, Merges: merge.New(db, d.Log, d.Workspace, "", quiet), Logger: quiet})
		d.Plans = b.plans
	})
	b.project = b.create(t, b.ada, "Board")
	require.NoError(t, db.Ent.Membership.Create().SetProjectID(b.project).SetUserID(b.guest.UserID).SetRole(enum.ProjectViewer).Exec(storetest.Unchecked(t.Context())))
	return b
}

// asked are the fields that a mutation of the board is asked for.
var asked = map[string]string{
	"deleteTask": "taskId", "approvePlan": "plan { id state }", "rejectPlan": "plan { id state finishedAt tasks { state problem } }",
	"waiveCriterion": "criterion { state evidence { note } } task { id }",
}

const taskFields = `task { id title description state priority position attempts problem startedAt finishedAt plan { id } author { id }
	agent { slug } criteria { id position text state } dependencies { id } run { id state branch } conversation { id title task { id } } }`

func mutation(name string) string {
	fields := asked[name]
	if fields == "" {
		fields = taskFields
	}
	return "mutation($input: " + strings.ToUpper(name[:1]) + name[1:] + "Input!) { " + name + "(input: $input) { " + fields + " } }"
}

// change makes a mutation of ada's and returns its payload.
func (b *board) change(name string, pairs ...any) any {
	b.t.Helper()
	return at(b.do(as(b.ada), b.t, mutation(name), input(pairs...)), name)
}

// refused makes one and returns its error's extensions.
func (b *board) refused(v access.Viewer, name string, pairs ...any) object {
	b.t.Helper()
	_, extensions := b.try(as(v), b.t, mutation(name), input(pairs...))
	return extensions
}

// task makes a task and returns it.
func (b *board) task(title string, pairs ...any) any {
	b.t.Helper()
	return at(b.change("createTask", append([]any{"projectId", b.project, "title", title, "criteria", []string{"it works"}}, pairs...)...), "task")
}

// now turns a task into another state, as its run would.
func (b *board) now(id any, state enum.TaskState) {
	b.t.Helper()
	require.NoError(b.t, b.db.Ent.Task.UpdateOneID(id.(string)).SetState(state).Exec(storetest.Unchecked(b.t.Context())))
}

func (b *board) titles(states ...string) (all []any) {
	b.t.Helper()
	v := object{"p": b.project}
	if states != nil {
		v["s"] = states
	}
	for _, n := range at(b.do(as(b.guest), b.t, `query($p: ID!, $s: [TaskState!]) { project(id: $p) { tasks(states: $s) { nodes { title } } } }`, v), "project", "tasks", "nodes").([]any) {
		all = append(all, at(n, "title"))
	}
	return all
}

var conflict = object{"code": "CONFLICT"}

func TestAPersonsTasksOnTheBoard(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, db *store.DB, url string) {
		b := setupBoard(t, db, url)
		first := b.task(" Spec ", "agent", "architect", "description", "short", "priority", "HIGH", "criteria", []string{"it is there", " it is short "}, "idempotencyKey", "k")
		require.Equal(t, []any{"Spec", "short", "PENDING", "HIGH", 1.0, 0.0, "architect", b.ada.UserID, nil, nil, nil, nil}, []any{
			at(first, "title"), at(first, "description"), at(first, "state"), at(first, "priority"), at(first, "position"), at(first, "attempts"),
			at(first, "agent", "slug"), at(first, "author", "id"), at(first, "plan"), at(first, "run"), at(first, "problem"), at(first, "conversation"),
		})
		require.Equal(t, object{"id": at(first, "criteria", 1, "id"), "position": 2.0, "text": "it is short", "state": "OPEN"}, at(first, "criteria", 1))
		again := b.task(" Spec ", "agent", "architect", "description", "short", "priority", "HIGH", "criteria", []string{"it is there", " it is short "}, "idempotencyKey", "k")
		require.Equal(t, at(first, "id"), at(again, "id"))
		require.Equal(t, object{"code": "CONFLICT", "field": "idempotencyKey"}, b.refused(b.ada, "createTask", "projectId", b.project, "title", "Other", "criteria", []string{"c"}, "idempotencyKey", "k"))

		second := b.task("Code", "dependsOn", []any{at(first, "id")})
		require.Equal(t, []any{"engineer", "MEDIUM", 2.0, at(first, "id")}, []any{at(second, "agent", "slug"), at(second, "priority"), at(second, "position"), at(second, "dependencies", 0, "id")})
		third := b.task("Ship")
		one, two, three := at(first, "id"), at(second, "id"), at(third, "id")

		// What is null stays, and what isn't is taken.
		changed := at(b.change("updateTask", "taskId", two, "title", " Build ", "agent", "platform-engineer", "priority", "URGENT"), "task")
		require.Equal(t, []any{"Build", "platform-engineer", "URGENT", one}, []any{at(changed, "title"), at(changed, "agent", "slug"), at(changed, "priority"), at(changed, "dependencies", 0, "id")})
		require.Empty(t, at(b.change("updateTask", "taskId", two, "dependsOn", []any{}), "task", "dependencies"))
		b.change("updateTask", "taskId", three, "dependsOn", []any{two})
		b.change("updateTask", "taskId", two, "dependsOn", []any{one})

		require.EqualValues(t, 1, at(b.change("moveTask", "taskId", three), "task", "position"))
		require.Equal(t, []any{"Ship", "Spec", "Build"}, b.titles())
		b.change("moveTask", "taskId", one, "afterTaskId", two)
		require.Equal(t, []any{"Ship", "Build", "Spec"}, b.titles())

		// Each begins after what it needs, in a conversation and on a branch of its own.
		require.Equal(t, conflict, b.refused(b.ada, "startTask", "taskId", two))
		begun := at(b.change("startTask", "taskId", one), "task")
		require.Equal(t, []any{"IN_PROGRESS", 1.0, "QUEUED", "Spec", one}, []any{at(begun, "state"), at(begun, "attempts"), at(begun, "run", "state"), at(begun, "conversation", "title"), at(begun, "conversation", "task", "id")})
		require.NotEmpty(t, at(begun, "run", "branch"))
		require.NotNil(t, at(begun, "startedAt"))
		for _, name := range []string{"startTask", "updateTask", "deleteTask"} {
			require.Equal(t, conflict, b.refused(b.ada, name, "taskId", one), name)
		}
		b.change("moveTask", "taskId", one)
		require.Equal(t, []any{"Spec"}, b.titles("IN_PROGRESS", "BLOCKED"))

		for range 2 { // what has ended stays as it is
			ended := at(b.change("cancelTask", "taskId", one), "task")
			require.Equal(t, []any{"CANCELLED", "CANCELLED", "a person ended it"}, []any{at(ended, "state"), at(ended, "run", "state"), at(ended, "problem")})
			require.NotNil(t, at(ended, "finishedAt"))
		}
		retried := at(b.change("startTask", "taskId", one), "task")
		require.Equal(t, []any{"IN_PROGRESS", 1.0, nil, nil}, []any{at(retried, "state"), at(retried, "attempts"), at(retried, "problem"), at(retried, "finishedAt")})
		require.NotEqual(t, at(begun, "run", "id"), at(retried, "run", "id"))
		require.Equal(t, []any{at(begun, "conversation", "id"), at(begun, "run", "branch"), at(begun, "startedAt")}, []any{at(retried, "conversation", "id"), at(retried, "run", "branch"), at(retried, "startedAt")}, "it goes on where it was")

		b.now(one, enum.TaskCompleted)
		require.Equal(t, conflict, b.refused(b.ada, "startTask", "taskId", one))
		require.Equal(t, "COMPLETED", at(b.change("cancelTask", "taskId", one), "task", "state"))
		b.now(two, enum.TaskFailed)
		require.Equal(t, "IN_PROGRESS", at(b.change("startTask", "taskId", two), "task", "state"))
		b.change("cancelTask", "taskId", two)
		other := at(b.change("updateTask", "taskId", two, "agent", "engineer"), "task")
		require.Equal(t, []any{nil, nil}, []any{at(other, "run"), at(other, "conversation")}, "another agent begins anew")

		require.Equal(t, conflict, b.refused(b.ada, "deleteTask", "taskId", two), "one depends on it")
		require.Equal(t, three, at(b.change("deleteTask", "taskId", three), "taskId"))
		b.change("deleteTask", "taskId", two)
		require.Equal(t, []any{"Spec"}, b.titles())
		require.Equal(t, object{"code": "NOT_FOUND", "field": "taskId"}, b.refused(b.ada, "startTask", "taskId", three))
	})
}

// What is wrong is said of the field that it is wrong in, on either database in the same way.
func TestWhatIsWrongWithATaskIsSaid(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, db *store.DB, url string) {
		b := setupBoard(t, db, url)
		a := at(b.task("A"), "id")
		z := at(b.task("Z", "dependsOn", []any{a}), "id")
		far := func() any { // a task of another project of hers
			p := storetest.Project(t, db, b.ada, "Far")
			return at(b.change("createTask", "projectId", p.ID, "title", "Far", "criteria", []string{"c"}), "task", "id")
		}()
		long := func(n int) string { return strings.Repeat("x", n) }
		many := func(n int) (out []string) {
			for range n {
				out = append(out, relay.NewID("tsk"))
			}
			return out
		}
		for _, c := range []struct {
			field string
			value any
			code  string
			at    string // the field that is named; "" is the same
		}{
			{"title", "", "", ""}, {"title", " \n", "", ""}, {"title", long(121), "", ""}, {"title", "a\x00", "", ""}, {"title", "a\nb", "", ""},
			{"description", long(8<<10 + 1), "", ""}, {"description", "a\x00", "", ""},
			{"agent", "wizard", "", ""}, {"agent", "\x00", "", ""},
			{"criteria", []string{}, "", ""}, {"criteria", many(13), "", ""}, {"criteria", []string{"c", " "}, "", "criteria[1]"},
			{"criteria", []string{long(501)}, "", "criteria[0]"}, {"criteria", []string{"a\x00"}, "", "criteria[0]"},
			{"dependsOn", many(41), "", ""}, {"dependsOn", many(1), "NOT_FOUND", ""}, {"dependsOn", []any{a, far}, "NOT_FOUND", ""}, {"dependsOn", []string{"\x00"}, "NOT_FOUND", ""},
			{"idempotencyKey", long(201), "", ""}, {"projectId", "\x00", "NOT_FOUND", ""}, {"projectId", relay.NewID("prj"), "NOT_FOUND", ""},
		} {
			want := object{"code": "BAD_USER_INPUT", "field": c.field}
			if c.code != "" {
				want["code"] = c.code
			}
			if c.at != "" {
				want["field"] = c.at
			}
			require.Equal(t, want, b.refused(b.ada, "createTask", "projectId", b.project, "title", "T", "criteria", []string{"c"}, c.field, c.value), "createTask(%s: %.40q)", c.field, c.value)
			switch c.field {
			case "title", "description", "agent", "dependsOn":
				require.Equal(t, want, b.refused(b.ada, "updateTask", "taskId", a, c.field, c.value), "updateTask(%s: %.40q)", c.field, c.value)
			}
		}
		for _, cycle := range [][]any{{z}, {a}} {
			require.Equal(t, object{"code": "BAD_USER_INPUT", "field": "dependsOn"}, b.refused(b.ada, "updateTask", "taskId", a, "dependsOn", cycle))
		}
		for _, elsewhere := range []any{a, far, relay.NewID("tsk"), "\x00"} {
			require.Equal(t, object{"code": "NOT_FOUND", "field": "afterTaskId"}, b.refused(b.ada, "moveTask", "taskId", a, "afterTaskId", elsewhere))
		}
		require.Equal(t, "GRAPHQL_VALIDATION_FAILED", b.refused(b.ada, "createTask", "projectId", b.project, "title", "T", "criteria", []string{"c"}, "priority", "SOON")["code"])
		require.Equal(t, []any{"A", "Z"}, b.titles(), "nothing of it is kept")
	})
}

func TestWhoMayChangeTheBoard(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, db *store.DB, url string) {
		b := setupBoard(t, db, url)
		made := b.task("T")
		p := b.proposed()
		for name, c := range map[string]struct{ field, id string }{
			"createTask": {"projectId", b.project}, "updateTask": {"taskId", at(made, "id").(string)}, "moveTask": {"taskId", at(made, "id").(string)},
			"startTask": {"taskId", at(made, "id").(string)}, "cancelTask": {"taskId", at(made, "id").(string)}, "deleteTask": {"taskId", at(made, "id").(string)},
			"approvePlan": {"planId", p}, "rejectPlan": {"planId", p}, "waiveCriterion": {"criterionId", at(made, "criteria", 0, "id").(string)},
		} {
			in := func(id string) []any {
				if name == "createTask" {
					return []any{"projectId", id, "title", "T", "criteria", []string{"c"}}
				}
				return []any{c.field, id}
			}
			require.Equal(t, object{"code": "FORBIDDEN"}, b.refused(b.guest, name, in(c.id)...), name)
			require.Equal(t, object{"code": "NOT_FOUND", "field": c.field}, b.refused(b.eve, name, in(c.id)...), name)
			for _, id := range []string{"\x00", "", relay.NewID(c.id[:3])} {
				require.Equal(t, object{"code": "NOT_FOUND", "field": c.field}, b.refused(b.ada, name, in(id)...), "%s(%q)", name, id)
			}
			_, extensions := b.try(t.Context(), t, mutation(name), input(in(c.id)...))
			require.Equal(t, "UNAUTHENTICATED", extensions["code"], name)
		}
		const see = `query($ids: [ID!]!, $p: ID!) { nodes(ids: $ids) { id } project(id: $p) { tasks { nodes { id } } plans { nodes { id } } } }`
		v := object{"p": b.project, "ids": []any{at(made, "id"), p, at(made, "criteria", 0, "id")}}
		seen := b.do(as(b.guest), t, see, v)
		require.Len(t, at(seen, "project", "tasks", "nodes"), 2)
		require.Equal(t, p, at(seen, "project", "plans", "nodes", 0, "id"))
		require.Equal(t, p, at(seen, "nodes", 1, "id"))
		hidden, _ := b.try(as(b.eve), t, see, v)
		require.Nil(t, hidden["project"])
		require.Equal(t, "PENDING", at(b.do(as(b.ada), t, `query($id: ID!) { node(id: $id) { ... on Task { state title } } }`, object{"id": at(made, "id")}), "node", "state"))
	})
}

// proposed makes a run of the manager's that has proposed a plan of one task.
func (b *board) proposed() (planID string) {
	b.t.Helper()
	ctx := storetest.Unchecked(b.t.Context())
	p, err := b.db.Ent.Project.UpdateOneID(b.project).SetPlanApproval(true).Save(ctx)
	require.NoError(b.t, err)
	r := storetest.Run(b.t, b.db, p, enum.RunWaitingForAgents)
	engine := access.As(b.t.Context(), access.Engine)
	require.NoError(b.t, b.db.InTx(engine, func(ctx context.Context, tx *store.Tx) error {
		return b.plans.Propose(ctx, tx, tools.Env{ProjectID: b.project, RunID: r.ID}, tools.PlanDraft{
			Summary: "Write it", Tasks: []tools.TaskDraft{{Key: "a", Title: "Write", Role: "product-manager", Criteria: []string{"it is written"}}},
		})
	}))
	made, err := b.db.Ent.Plan.Query().Where(entplan.RunID(r.ID)).Only(ctx)
	require.NoError(b.t, err)
	return made.ID
}
