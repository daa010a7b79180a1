package usage_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/catalogue"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/usage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// nano makes a token of output cost one nano-dollar and one of input nothing.
var nano = &catalogue.Price{Output: 1000, AsOf: "2026-11-01"}

// testBundle is a ledger with a clock of its own, a project and a run in it.
type testBundle struct {
	db      *store.DB
	ctx     context.Context // of the engine
	owner   access.Viewer
	project *ent.Project
	run     *ent.Run
	ledger  *usage.Ledger
	budgets *usage.Budgets
	now     time.Time
}

func each(t *testing.T, test func(t *testing.T, b *testBundle)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, db *store.DB) { test(t, setup(t, db)) })
}

func setup(t *testing.T, db *store.DB) *testBundle {
	t.Helper()
	b := &testBundle{
		db: db, ctx: access.As(context.Background(), access.Engine), owner: storetest.User(t, db, "owner@example.com"),
		now: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC),
	}
	b.budgets = usage.BudgetsAt(db, func() time.Time { return b.now })
	b.project = storetest.Project(t, db, b.owner, "P")
	b.run = storetest.Run(t, db, b.project, enum.RunRunning)
	b.ledger = usage.At(func() time.Time { return b.now })
	return b
}

func (b *testBundle) account(t require.TestingT, r *ent.Run) usage.Account {
	a, err := usage.AccountOf(b.ctx, b.db.Ent, r)
	require.NoError(t, err)
	return a
}

// budget sets the limit of the project's budget, or of another's that in changes it to.
func (b *testBundle) budget(t require.TestingT, period enum.BudgetPeriod, limit int64, change ...func(*usage.SetInput)) *ent.Budget {
	in := usage.SetInput{Scope: enum.BudgetProject, ProjectID: b.project.ID, Period: period, Limit: limit}
	for _, f := range change {
		f(&in)
	}
	made, err := b.budgets.Set(access.WithViewer(context.Background(), b.owner), in)
	require.NoError(t, err)
	return made
}

// call is one whose worst case is output nano-dollars.
func (b *testBundle) call(t require.TestingT, r *ent.Run, output int64) usage.Call {
	return usage.Call{
		Account: b.account(t, r), Epoch: 1, Attempt: 1, Provider: "anthropic", Model: "m", Reason: "the only one",
		Price: nano, Input: 10, Output: output,
	}
}

func (b *testBundle) reserve(c usage.Call) (r *usage.Reservation, err error) {
	err = b.db.InTx(b.ctx, func(ctx context.Context, tx *store.Tx) error {
		r, err = b.ledger.Reserve(ctx, tx, c)
		return err
	})
	return r, err
}

func (b *testBundle) settle(r *usage.Reservation, rec usage.Record) (s *usage.Settled, err error) {
	err = b.db.InTx(b.ctx, func(ctx context.Context, tx *store.Tx) error {
		s, err = b.ledger.Settle(ctx, tx, r, rec)
		return err
	})
	return s, err
}

// record is of a call that wrote so many tokens.
func record(c usage.Call, output int64) usage.Record {
	return usage.Record{
		Account: c.Account, Step: c.Step, Attempt: c.Attempt, Provider: c.Provider, Model: c.Model, Reason: c.Reason,
		Price: c.Price, Usage: llm.Usage{InputTokens: 5, OutputTokens: output}, Outcome: enum.CallOK,
	}
}

func (b *testBundle) abandon(r *ent.Run) (all []*usage.Settled, err error) {
	err = b.db.InTx(b.ctx, func(ctx context.Context, tx *store.Tx) error {
		all, err = b.ledger.Abandon(ctx, tx, r)
		return err
	})
	return all, err
}

// spending is what is spent and reserved of a budget in the period of now.
func (b *testBundle) spending(t require.TestingT, of *ent.Budget) (spent, reserved int64) {
	s, err := usage.SpendingOf(storetest.Unchecked(context.Background()), b.db.Ent, of, b.now)
	require.NoError(t, err)
	return s.Spent, s.Reserved
}
