package plan

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/agent/tools"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/stream/memory"
)

// A worker that makes a call of the manager's has the manager's run and comes to the plan:
// whoever does something to the plan meanwhile waits for it, and doesn't have the plan yet.
func TestWhoComesToAPlanWaitsForItsRunFirst(t *testing.T) {
	t.Parallel()
	db := storetest.Postgres(t)
	ada := storetest.User(t, db, "ada@example.com")
	project := storetest.Project(t, db, ada, "Site")
	unchecked, viewer := storetest.Unchecked(t.Context()), access.WithViewer(t.Context(), ada)
	logger := slog.New(slog.DiscardHandler)
	log := stream.NewLog(db, memory.New(), logger)
	s := New(Options{DB: db, Log: log, Runs: run.NewControl(log, nil), Logger: logger})

	for name, c := range map[string]struct {
		run  enum.RunState
		plan enum.PlanState
		do   func(p *ent.Plan, t *ent.Task) error
	}{
		"approve": {enum.RunRunning, enum.PlanProposed, func(p *ent.Plan, _ *ent.Task) error {
			_, err := s.Approve(viewer, p.ID)
			return err
		}},
		"reject": {enum.RunRunning, enum.PlanProposed, func(p *ent.Plan, _ *ent.Task) error {
			_, err := s.Reject(viewer, p.ID, "")
			return err
		}},
		"move on": {enum.RunSucceeded, enum.PlanActive, func(p *ent.Plan, _ *ent.Task) error {
			return s.movePlan(access.As(t.Context(), access.Engine), p)
		}},
		"cancel a task": {enum.RunRunning, enum.PlanActive, func(_ *ent.Plan, t *ent.Task) error {
			_, err := s.Cancel(viewer, t.ID)
			return err
		}},
		"place a task": {enum.RunRunning, enum.PlanActive, func(_ *ent.Plan, t *ent.Task) error {
			_, err := s.Place(viewer, t.ID, nil)
			return err
		}},
		"change it by a call": {enum.RunRunning, enum.PlanActive, func(p *ent.Plan, _ *ent.Task) error {
			return db.InTx(storetest.Unchecked(viewer), func(ctx context.Context, tx *store.Tx) error {
				return s.Change(ctx, tx, tools.Env{RunID: p.RunID}, tools.TaskChange{Task: 1, Action: "CANCEL"})
			})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			r := storetest.Run(t, db, project, c.run)
			p, err := db.Ent.Plan.Create().SetProjectID(project.ID).SetRunID(r.ID).SetUserID(r.UserID).SetSummary("x").SetState(c.plan).Save(unchecked)
			require.NoError(t, err)
			task, err := db.Ent.Task.Create().SetProjectID(project.ID).SetPlanID(p.ID).SetAgentID(r.AgentID).SetTitle(name).
				SetState(enum.TaskPending).SetPosition(9).Save(unchecked)
			require.NoError(t, err)

			worker, err := db.SQL.BeginTx(t.Context(), nil)
			require.NoError(t, err)
			defer func() { _ = worker.Rollback() }()
			_, err = worker.ExecContext(t.Context(), "SET LOCAL idle_in_transaction_session_timeout = 0")
			require.NoError(t, err)
			_, err = worker.ExecContext(t.Context(), "UPDATE runs SET step = step WHERE id = $1", r.ID)
			require.NoError(t, err)
			done := make(chan error, 1)
			go func() { done <- c.do(p, task) }()
			require.Eventually(t, func() bool {
				waiting := 0
				err = db.SQL.QueryRowContext(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").Scan(&waiting)
				return err != nil || waiting > 0 || len(done) > 0
			}, time.Minute, 5*time.Millisecond)
			require.NoError(t, err)
			require.Empty(t, done, "it waits")
			_, err = worker.ExecContext(t.Context(), "SELECT 1 FROM plans WHERE id = $1 FOR NO KEY UPDATE NOWAIT", p.ID)
			require.NoError(t, err)
			require.NoError(t, worker.Commit())
			require.NoError(t, <-done)
		})
	}
}
