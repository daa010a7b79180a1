package plan

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/stream"
)

// The runs that a manager asks count too: tasks begin only where all of that leaves room.
func TestWhatTheManagerAsksLeavesLessRoomForTasks(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := storetest.Unchecked(t.Context())
		project := storetest.Project(t, db, storetest.User(t, db, "ada@example.com"), "Site")
		manager := storetest.Run(t, db, project, enum.RunRunning)
		p, err := db.Ent.Plan.Create().SetProjectID(project.ID).SetRunID(manager.ID).SetUserID(manager.UserID).SetSummary("s").SetState(enum.PlanActive).Save(ctx)
		require.NoError(t, err)
		below := func(state enum.RunState) *ent.Run {
			r := storetest.Run(t, db, project, enum.RunQueued)
			r, err := db.Ent.Run.Create().SetProjectID(project.ID).SetConversationID(r.ConversationID).SetAgentID(r.AgentID).SetUserID(r.UserID).
				SetMessageID(r.MessageID).SetParentID(manager.ID).SetState(state).Save(ctx)
			require.NoError(t, err)
			return r
		}
		for i := range fanOut + 2 {
			create := db.Ent.Task.Create().SetProjectID(project.ID).SetPlanID(p.ID).SetAgentID(manager.AgentID).SetTitle("t").SetPosition(i).SetState(enum.TaskPending)
			if i < fanOut-2 {
				create.SetState(enum.TaskInProgress).SetRunID(below(enum.RunRunning).ID).SetAttempts(1)
			}
			require.NoError(t, create.Exec(ctx))
		}
		s := New(Options{DB: db})
		for _, left := range []int{2, 1, 0, -1} {
			l, err := s.read(ctx, db.Ent, p)
			require.NoError(t, err)
			require.Equal(t, left, l.room())
			require.Len(t, l.ready(), max(left, 0))
			if left < 0 {
				again, err := s.tryAgain(ctx, nil, l, l.tasks[0], "its server died", stream.Actor{})
				require.NoError(t, err)
				require.Equal(t, l.tasks[0], again, "it waits")
			}
			below(enum.RunSucceeded)
			below(enum.RunWaitingForInput)
		}
	})
}

// Who pauses the manager has no other try of a task begin, and nothing be looked for meanwhile.
func TestAPausedManagersTasksAreNotTriedAgain(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := storetest.Unchecked(t.Context())
		project := storetest.Project(t, db, storetest.User(t, db, "ada@example.com"), "Site")
		manager := storetest.Run(t, db, project, enum.RunRunning)
		p := db.Ent.Plan.Create().SetProjectID(project.ID).SetRunID(manager.ID).SetUserID(manager.UserID).SetSummary("s").SetState(enum.PlanActive).SaveX(ctx)
		position := 0
		under := func(state enum.RunState, attempts int, shown bool) string {
			position++
			r := storetest.Run(t, db, project, state)
			task := db.Ent.Task.Create().SetProjectID(project.ID).SetPlanID(p.ID).SetAgentID(manager.AgentID).SetTitle("t").SetPosition(position).
				SetState(enum.TaskInProgress).SetRunID(r.ID).SetAttempts(attempts).SaveX(ctx)
			if !shown {
				db.Ent.Criterion.Create().SetProjectID(project.ID).SetTaskID(task.ID).SetText("it works").SetPosition(1).SetState(enum.CriterionOpen).ExecX(ctx)
			}
			return task.ID
		}
		failed, unshown := under(enum.RunFailed, 1, true), under(enum.RunSucceeded, maxAttempts-1, false)
		s := New(Options{DB: db})
		look := func() *look {
			l, err := s.read(ctx, db.Ent, p)
			require.NoError(t, err)
			return l
		}
		require.Equal(t, map[string]bool{failed: true, unshown: true}, look().moved)
		manager.Update().SetPauseRequested(true).ExecX(ctx)
		require.Equal(t, map[string]bool{failed: false, unshown: false}, look().moved)
		require.False(t, look().due())
		for _, id := range []string{
			under(enum.RunSucceeded, 1, true), under(enum.RunCancelled, 1, false), under(enum.RunFailed, maxAttempts, true), under(enum.RunSucceeded, maxAttempts, false),
		} {
			require.True(t, look().moved[id], "it has come to its end")
		}
		require.True(t, look().due())
		manager.Update().SetPauseRequested(false).SetState(enum.RunPaused).ExecX(ctx)
		require.False(t, look().moved[failed] || look().moved[unshown])
		manager.Update().SetState(enum.RunRunning).ExecX(ctx)
		require.True(t, look().moved[failed] && look().moved[unshown], "it goes on")
	})
}
