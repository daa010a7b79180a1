package graph_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	entrun "github.com/zeblit/zeblit/ent/run"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

// runs are those of a task, the first first.
func (b *board) runs(task any) []*ent.Run {
	b.t.Helper()
	all, err := b.db.Ent.Run.Query().Where(entrun.TaskID(task.(string))).Order(ent.Asc(entrun.FieldID)).All(storetest.Unchecked(b.t.Context()))
	require.NoError(b.t, err)
	return all
}

// Who wrote a task down may have left: it is tried again with the rights of who began it.
func TestATaskIsTriedAgainAsWhoStartedIt(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, db *store.DB, url string) {
		b := setupBoard(t, db, url)
		all := storetest.Unchecked(t.Context())
		bob := storetest.User(t, db, "bob@example.com")
		require.NoError(t, db.Ent.Membership.Create().SetProjectID(b.project).SetUserID(bob.UserID).SetRole(enum.ProjectEditor).Exec(all))
		task := at(b.task("Write"), "id").(string)
		_, err := b.plans.Start(as(bob), task)
		require.NoError(t, err)
		require.NoError(t, db.Ent.Run.Update().Where(entrun.TaskID(task)).SetState(enum.RunFailed).SetError("it broke").Exec(all))
		require.NoError(t, b.plans.Move(access.As(t.Context(), access.Engine)))
		runs := b.runs(task)
		require.Len(t, runs, 2)
		for _, r := range runs {
			require.Equal(t, bob.UserID, r.UserID)
		}
	})
}

// Of two who start the same task at once, one does.
func TestATaskIsStartedOnce(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, db *store.DB, url string) {
		b := setupBoard(t, db, url)
		const tasks, people = 5, 4
		for range tasks {
			task := at(b.task("Write"), "id").(string)
			errs := make(chan error, people)
			var ready, group sync.WaitGroup
			ready.Add(people)
			for range people {
				group.Go(func() {
					ready.Done()
					ready.Wait()
					_, err := b.plans.Start(as(b.ada), task)
					errs <- err
				})
			}
			group.Wait()
			close(errs)
			begun := 0
			for err := range errs {
				if err == nil {
					begun++
					continue
				}
				require.True(t, problem.Is(err, problem.Conflict), "%v", err)
			}
			require.Equal(t, 1, begun)
			require.Len(t, b.runs(task), 1)
		}
	})
}

// What is cancelled is not merged afterwards, and what was merged just before is done.
func TestACancelledTaskIsNotMerged(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, db *store.DB, url string) {
		b := setupBoard(t, db, url)
		all := storetest.Unchecked(t.Context())
		for _, c := range []struct {
			merge      enum.MergeState
			task       enum.TaskState
			then       enum.MergeState
			comesTo    string
			hasProblem bool
		}{
			{enum.MergeQueued, enum.TaskMerging, enum.MergeCancelled, "CANCELLED", true},
			{enum.MergeMerging, enum.TaskMerging, enum.MergeCancelled, "CANCELLED", true},
			{enum.MergeConflicted, enum.TaskBlocked, enum.MergeCancelled, "CANCELLED", true},
			{enum.MergeFailed, enum.TaskBlocked, enum.MergeFailed, "CANCELLED", true},
			{enum.MergeMerged, enum.TaskMerging, enum.MergeMerged, "COMPLETED", false},
		} {
			task := at(b.task("Write"), "id").(string)
			b.change("startTask", "taskId", task)
			r := b.runs(task)[0]
			require.NoError(t, db.Ent.Run.UpdateOne(r).SetState(enum.RunSucceeded).Exec(all))
			m, err := db.Ent.Merge.Create().SetProjectID(b.project).SetUserID(b.ada.UserID).SetRunID(r.ID).SetSource(r.Branch).SetTarget("main").SetState(c.merge).Save(all)
			require.NoError(t, err)
			b.now(task, c.task)
			ended := at(b.change("cancelTask", "taskId", task), "task")
			require.Equal(t, c.comesTo, at(ended, "state"), "%s %s", c.task, c.merge)
			require.Equal(t, c.hasProblem, at(ended, "problem") != nil)
			require.NotNil(t, at(ended, "finishedAt"))
			m, err = db.Ent.Merge.Get(all, m.ID)
			require.NoError(t, err)
			require.Equal(t, c.then, m.State, "%s %s", c.task, c.merge)
		}
	})
}

// The manager calls its tasks by their numbers as long as the plan goes on.
func TestATaskOfAPlanIsDeletedWhenThatIsOver(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, db *store.DB, url string) {
		b := setupBoard(t, db, url)
		id := b.proposed()
		taskOf := func() any {
			return at(b.do(as(b.ada), t, `query($id: ID!) { node(id: $id) { ... on Plan { tasks { id } } } }`, object{"id": id}), "node", "tasks", 0, "id")
		}
		task := taskOf()
		require.Equal(t, conflict, b.refused(b.ada, "deleteTask", "taskId", task))
		b.change("approvePlan", "planId", id)
		b.change("cancelTask", "taskId", task)
		require.Equal(t, conflict, b.refused(b.ada, "deleteTask", "taskId", task))
		require.Equal(t, task, taskOf())
		require.NoError(t, db.Ent.Plan.UpdateOneID(id).SetState(enum.PlanDone).SetFinishedAt(store.Now()).Exec(storetest.Unchecked(t.Context())))
		require.Equal(t, task, at(b.change("deleteTask", "taskId", task), "taskId"))
	})
}
