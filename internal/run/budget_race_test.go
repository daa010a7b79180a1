package run_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/privacy"
	entrun "github.com/zeblit/zeblit/ent/run"
	"github.com/zeblit/zeblit/ent/spending"
	"github.com/zeblit/zeblit/internal/conversation"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
	"github.com/zeblit/zeblit/internal/money"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/usage"
)

// Budgets are made, changed and deleted, and a project is deleted, while runs call
// models: nobody's transaction fails, and the books are right in the end.
func TestBudgetsChangeWhileCallsAreMade(t *testing.T) {
	t.Parallel()
	eachPriced(t, run.Options{}, func() []llmtest.Script {
		return []llmtest.Script{llmtest.Func(func(q llmtest.Request) llmtest.Reply {
			if q.Turn() < 2 {
				return llmtest.Reply{used, llmtest.Say("a"), llmtest.Call("list_files", map[string]any{})}
			}
			return llmtest.Reply{used, llmtest.Slow(2 * time.Millisecond), llmtest.Say("b", "c", "d")}
		})}
	}, func(t *testing.T, b *testBundle) {
		projects := []*ent.Project{b.project, storetest.Project(t, b.db, b.owner, "Q"), storetest.Project(t, b.db, b.owner, "Doomed")}
		budgets := usage.NewBudgets(b.db)
		stop := make(chan struct{})
		var changing sync.WaitGroup
		for i, p := range projects {
			changing.Go(func() {
				inputs := []usage.SetInput{
					{Scope: enum.BudgetProject, ProjectID: p.ID, Period: enum.PeriodDay, Limit: 20 * money.Dollar},
					{Scope: enum.BudgetOrganisation, OrganisationID: p.OrganisationID, Period: enum.PeriodMonth, Limit: int64(30+i) * money.Dollar},
					{Scope: enum.BudgetAgent, ProjectID: p.ID, Agent: "engineer", Period: enum.PeriodRun, Limit: 5 * money.Dollar},
				}
				for n := 0; ; n++ {
					select {
					case <-stop:
						return
					case <-time.After(5 * time.Millisecond):
					}
					made, err := budgets.Set(b.ctx, inputs[n%len(inputs)])
					if err == nil && n%4 == 3 {
						err = budgets.Delete(b.ctx, made.ID)
					}
					// The project is, now or a moment ago, or what another has deleted.
					gone := problem.Is(err, problem.NotFound) || errors.Is(err, privacy.Deny)
					// On SQLite its turn to write may not come in time, on a slow machine.
					noTurn := !storetest.IsPostgres(b.db) && store.Unavailable(err)
					if err != nil && !gone && !noTurn {
						require.NoError(t, err)
					}
				}
			})
		}
		var runs []*ent.Run
		for range 6 {
			for _, p := range projects {
				_, r, err := b.talk.Send(b.ctx, conversation.SendInput{ProjectID: p.ID, Text: "hello"})
				require.NoError(t, err)
				if p != projects[2] {
					runs = append(runs, r)
				}
			}
		}
		b.remove(t, b.engine, projects[2].ID)
		for _, r := range runs {
			require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
		}
		require.Eventually(t, func() bool { return b.engine.Stats().Held == 0 }, time.Minute, 5*time.Millisecond)
		close(stop)
		changing.Wait()
		ctx := storetest.Unchecked(context.Background())
		open, err := b.db.Ent.Reservation.Query().Count(ctx)
		require.NoError(t, err)
		require.Zero(t, open)
		for _, p := range projects[:2] {
			b.budget(t, money.Dollar, func(in *usage.SetInput) { in.ProjectID, in.Period = p.ID, enum.PeriodMonth })
		}
		all, err := b.db.Ent.Spending.Query().Where(spending.ReservedNEQ(0)).Count(ctx)
		require.NoError(t, err)
		require.Zero(t, all)
		n, err := b.db.Ent.Run.Query().Where(entrun.TakeoversGT(0)).Count(ctx)
		require.NoError(t, err)
		require.Zero(t, n, "a step failed")
		b.checkBooks(t)
	})
}

// checkBooks holds every spending against the records, which a budget that is made anew
// adds up by itself.
func (b *testBundle) checkBooks(t *testing.T) {
	t.Helper()
	day := "r.created_at"
	if storetest.IsPostgres(b.db) {
		day = "to_char(r.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')"
	}
	wrong := `SELECT COUNT(*) FROM spendings s JOIN budgets b ON b.id = s.budget_id WHERE b.period <> 'RUN' AND s.spent <> (
		SELECT COALESCE(SUM(r.cost), 0) FROM usage_records r
		WHERE (b.project_id IS NULL OR r.project_id = b.project_id) AND (b.agent_id IS NULL OR r.agent_id = b.agent_id)
		AND (b.organisation_id IS NULL OR r.organisation_id = b.organisation_id)
		AND substr(` + day + `, 1, length(s.period)) = s.period)` // a day, a month, or nothing
	var n int
	require.NoError(t, b.db.SQL.QueryRow(wrong).Scan(&n))
	require.Zero(t, n, "what is spent is not the sum of the records")
}
