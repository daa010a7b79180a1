package run_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/conversation"
	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/money"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

// unsettled leaves a call of the run's open, as a worker does that died.
func (b *testBundle) unsettled(t *testing.T, r *ent.Run) {
	t.Helper()
	require.NoError(t, b.db.Ent.Reservation.Create().SetRunID(r.ID).SetRootRunID(r.ID).SetEpoch(r.Epoch).SetStep(0).SetAttempt(1).
		SetProvider("p").SetModel("m").SetAmount(1).SetInputTokens(1).SetOutputTokens(1).SetSpendings([]string{}).
		Exec(storetest.Unchecked(context.Background())))
}

// A worker that ends a run, or a call of it, has the run's row and comes to the budgets.
// Whoever ends or pauses the run above at that moment takes both in the same order: they
// wait for each other in turn, and not for ever.
func TestTheEndsOfARunAndOfOneBelowItTakeBudgetsInOneOrder(t *testing.T) {
	t.Parallel()
	url := storetest.PostgresURL(t)
	db, err := store.OpenPostgres(url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	b := setup(t, db, url, options{idle: true, price: &cent})
	budget := b.budget(t, money.Dollar)
	hands := run.ByHand(b.engine)
	claim := func(t *testing.T) *run.Claim {
		t.Helper()
		_, r := b.send(t, conversation.SendInput{Text: "hello"})
		c, err := hands.Claim(r.ID)
		require.NoError(t, err)
		require.NotNil(t, c)
		return c
	}
	for name, begin := range map[string]func(t *testing.T) (above *ent.Run, act func() error){
		"it fails": func(t *testing.T) (*ent.Run, func() error) {
			c := claim(t)
			b.unsettled(t, c.Run())
			return c.Run(), func() error { return hands.Finish(c, false) }
		},
		"its model refuses": func(t *testing.T) (*ent.Run, func() error) {
			c := claim(t)
			return c.Run(), func() error { return hands.Told(c, llm.Response{Text: "no", StopReason: llm.StopRefusal}) }
		},
		"it is cancelled where its model is done": func(t *testing.T) (*ent.Run, func() error) {
			c := claim(t)
			b.change(t, c.Run().ID, func(u *ent.RunUpdateOne) { u.SetCancelRequested(true) })
			return c.Run(), func() error { return hands.Told(c, llm.Response{Text: "done"}) }
		},
		"it is paused": func(t *testing.T) (*ent.Run, func() error) {
			c := claim(t)
			require.NoError(t, hands.Step(c))
			b.unsettled(t, c.Run())
			return c.Run(), func() error {
				_, err := b.engine.Pause(b.ctx, c.Run().ID)
				return err
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			above, act := begin(t)
			below := b.below(t, b.below(t, above)) // the one in between has no worker
			ctx := t.Context()
			worker, err := db.SQL.BeginTx(ctx, nil)
			require.NoError(t, err)
			defer func() { _ = worker.Rollback() }()
			_, err = worker.ExecContext(ctx, "SET LOCAL idle_in_transaction_session_timeout = 0")
			require.NoError(t, err)
			_, err = worker.ExecContext(ctx, "UPDATE runs SET step = step WHERE id = $1", below.ID)
			require.NoError(t, err)
			done := make(chan error, 1)
			go func() { done <- act() }()
			require.Eventually(t, func() bool {
				waiting := 0
				err = db.SQL.QueryRowContext(ctx, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").Scan(&waiting)
				return err != nil || waiting > 0 || len(done) > 0
			}, time.Minute, 5*time.Millisecond)
			require.NoError(t, err)
			require.Empty(t, done, "it waits for the run below")

			_, err = worker.ExecContext(ctx, "SELECT 1 FROM budgets WHERE id = $1 FOR UPDATE", budget.ID)
			require.NoError(t, err)
			require.NoError(t, worker.Commit())
			require.NoError(t, <-done)
			r, err := db.Ent.Run.Get(b.ctx, below.ID)
			require.NoError(t, err)
			require.NotEqual(t, enum.RunQueued, r.State, "it ended or paused with the one above")
		})
	}
}
