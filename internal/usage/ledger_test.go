package usage_test

import (
	"context"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/catalogue"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/usage"
)

func TestWithoutABudgetNothingIsReserved(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *testBundle) {
		bounded, err := b.ledger.Bounded(b.ctx, b.db.Ent, b.account(t, b.run))
		require.NoError(t, err)
		require.False(t, bounded)
		c := b.call(t, b.run, 100)
		c.Price = nil
		r, err := b.reserve(c)
		require.NoError(t, err)
		require.Nil(t, r)
		s, err := b.settle(nil, record(c, 7))
		require.NoError(t, err)
		require.Nil(t, s.Record.Cost, "no price is not the price 0")
		require.Equal(t, usage.Totals{Calls: 1, UnpricedCalls: 1, InputTokens: 5, OutputTokens: 7}, s.Total)
	})
}

func TestACallIsReservedAndSettled(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *testBundle) {
		budget := b.budget(t, enum.PeriodTotal, 1000)
		c := b.call(t, b.run, 300)
		r, err := b.reserve(c)
		require.NoError(t, err)
		require.Equal(t, int64(300), r.Amount)
		require.False(t, r.Lowered)
		spent, reserved := b.spending(t, budget)
		require.Equal(t, []int64{0, 300}, []int64{spent, reserved})
		rec := record(c, 120)
		rec.Latency, rec.FirstToken = 1500*time.Millisecond, 200*time.Millisecond
		s, err := b.settle(r, rec)
		require.NoError(t, err)
		require.Equal(t, int64(120), *s.Record.Cost)
		require.Equal(t, "2026-11-01", s.Record.PriceAsOf)
		require.Equal(t, "the only one", s.Record.Reason)
		require.Equal(t, int64(1500), s.Record.Latency)
		require.Equal(t, int64(200), *s.Record.FirstToken)
		require.Equal(t, b.now, s.Record.CreatedAt.UTC())
		spent, reserved = b.spending(t, budget)
		require.Equal(t, []int64{120, 0}, []int64{spent, reserved})
		_, err = b.settle(r, rec)
		require.Error(t, err, "a call is settled once")
		spent, _ = b.spending(t, budget)
		require.Equal(t, int64(120), spent)
	})
}

func TestACallThatDoesNotFitIsLoweredOrRefused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *testBundle) {
		budget := b.budget(t, enum.PeriodTotal, 1000)
		first := b.call(t, b.run, 700)
		held, err := b.reserve(first)
		require.NoError(t, err)
		c := b.call(t, b.run, 500)
		_, err = b.reserve(c)
		var exceeded *usage.Exceeded
		require.ErrorAs(t, err, &exceeded)
		require.Equal(t, budget.ID, exceeded.Budget.ID)
		require.Equal(t, []int64{0, 700, 500, 300}, []int64{exceeded.Spent, exceeded.Reserved, exceeded.Needed, exceeded.Left()})
		require.True(t, exceeded.HeldByOthers)

		c.Least = 256
		r, err := b.reserve(c)
		require.NoError(t, err)
		require.True(t, r.Lowered)
		require.Equal(t, []int64{300, 300}, []int64{r.Output, r.Amount})
		_, err = b.settle(r, record(c, 300))
		require.NoError(t, err)
		_, err = b.settle(held, record(first, 700))
		require.NoError(t, err)
		_, err = b.reserve(b.call(t, b.run, 1))
		require.ErrorAs(t, err, &exceeded)
		require.False(t, exceeded.HeldByOthers, "nobody holds what is spent")
		free := b.call(t, b.run, 1)
		free.Price = &catalogue.Price{}
		_, err = b.reserve(free)
		require.NoError(t, err, "what costs nothing fits always")
	})
}

func TestTheWholeInputIsReserved(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *testBundle) {
		b.budget(t, enum.PeriodTotal, 1000)
		c := b.call(t, b.run, 100)
		c.Price = &catalogue.Price{Input: 1000, CacheWrite: 1250, Output: 1000}
		c.Input, c.Least = 800, 1
		_, err := b.reserve(c)
		require.ErrorAs(t, err, new(*usage.Exceeded), "no output fits beside the input, were it all written into the cache")
		c.Input = 780
		r, err := b.reserve(c)
		require.NoError(t, err)
		require.Equal(t, []int64{25, 1000}, []int64{r.Output, r.Amount})
	})
}

func TestAModelWithoutAPriceIsRefusedUnderABudget(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *testBundle) {
		b.budget(t, enum.PeriodTotal, 1000)
		c := b.call(t, b.run, 1)
		c.Price = nil
		_, err := b.reserve(c)
		require.True(t, problem.Is(err, problem.PreconditionFailed), "%v", err)
	})
}

func TestAnEstimateIsNeverMoreThanReservedAndABillIsTheTruth(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *testBundle) {
		budget := b.budget(t, enum.PeriodTotal, 1000)
		for _, of := range []struct {
			estimated bool
			cost      int64
		}{{true, 100}, {false, 150}} {
			c := b.call(t, b.run, 100)
			r, err := b.reserve(c)
			require.NoError(t, err)
			rec := record(c, 150)
			rec.Estimated = of.estimated
			s, err := b.settle(r, rec)
			require.NoError(t, err)
			require.Equal(t, of.cost, *s.Record.Cost)
		}
		spent, reserved := b.spending(t, budget)
		require.Equal(t, []int64{250, 0}, []int64{spent, reserved})
	})
}

func TestAnAbandonedCallCountsWithAllThatItCouldCost(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *testBundle) {
		budget := b.budget(t, enum.PeriodTotal, 1000)
		_, err := b.reserve(b.call(t, b.run, 400))
		require.NoError(t, err)
		open, err := b.ledger.Open(b.ctx, b.db.Ent, b.run.ID)
		require.NoError(t, err)
		require.True(t, open)
		all, err := b.abandon(b.run)
		require.NoError(t, err)
		require.Len(t, all, 1)
		require.Equal(t, enum.CallAbandoned, all[0].Record.Outcome)
		require.True(t, all[0].Record.Estimated)
		require.Equal(t, int64(400), *all[0].Record.Cost)
		require.Equal(t, "2026-11-01", all[0].Record.PriceAsOf)
		spent, reserved := b.spending(t, budget)
		require.Equal(t, []int64{400, 0}, []int64{spent, reserved})
		all, err = b.abandon(b.run)
		require.NoError(t, err)
		require.Empty(t, all)
	})
}

func TestACallBelongsToThePeriodInWhichItBegan(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *testBundle) {
		day, month := b.budget(t, enum.PeriodDay, 1000), b.budget(t, enum.PeriodMonth, 5000)
		b.now = time.Date(2026, 1, 31, 23, 59, 59, 0, time.UTC)
		c := b.call(t, b.run, 900)
		r, err := b.reserve(c)
		require.NoError(t, err)
		b.now = b.now.Add(2 * time.Second)
		_, err = b.reserve(b.call(t, b.run, 900))
		require.NoError(t, err, "the new day has a limit of its own")
		_, err = b.settle(r, record(c, 800))
		require.NoError(t, err)
		for _, of := range []*ent.Budget{day, month} {
			spent, reserved := b.spending(t, of)
			require.Equal(t, []int64{0, 900}, []int64{spent, reserved})
		}
		b.now = time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)
		spent, reserved := b.spending(t, day)
		require.Equal(t, []int64{800, 0}, []int64{spent, reserved})
	})
}

func TestANewBudgetCountsWhatWasSpentBefore(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *testBundle) {
		before := b.call(t, b.run, 100)
		_, err := b.settle(nil, record(before, 60))
		require.NoError(t, err)
		underWay := b.call(t, b.run, 100)
		nothing, err := b.reserve(underWay)
		require.NoError(t, err)
		require.Nil(t, nothing)
		budget := b.budget(t, enum.PeriodDay, 100)
		spent, _ := b.spending(t, budget)
		require.Equal(t, int64(60), spent)
		_, err = b.settle(nil, record(underWay, 30))
		require.NoError(t, err)
		spent, _ = b.spending(t, budget)
		require.Equal(t, int64(90), spent, "what was under way when it was made counts too")
		_, err = b.reserve(b.call(t, b.run, 11))
		require.ErrorAs(t, err, new(*usage.Exceeded))
	})
}

func TestABudgetOfEachRunIsForEachRun(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *testBundle) {
		b.budget(t, enum.PeriodRun, 100)
		other := storetest.Run(t, b.db, b.project, enum.RunRunning)
		for _, r := range []*ent.Run{b.run, other} {
			_, err := b.reserve(b.call(t, r, 100))
			require.NoError(t, err)
		}
		child := b.call(t, other, 1)
		child.RootRunID = b.run.ID
		_, err := b.reserve(child)
		require.ErrorAs(t, err, new(*usage.Exceeded), "a child's calls count to the run that began it")
	})
}

func TestLevelsAreToldOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *testBundle) {
		budget := b.budget(t, enum.PeriodTotal, 1000)
		spend := func(n int64) (told []int) {
			c := b.call(t, b.run, n)
			r, err := b.reserve(c)
			require.NoError(t, err)
			s, err := b.settle(r, record(c, n))
			require.NoError(t, err)
			for _, reached := range s.Reached {
				require.Equal(t, budget.ID, reached.Budget.ID)
				told = append(told, reached.Level)
			}
			return told
		}
		require.Empty(t, spend(499))
		require.Equal(t, []int{50}, spend(1))
		require.Empty(t, spend(100))
		require.Equal(t, []int{90}, spend(300), "the highest that is passed at once")
		b.budget(t, enum.PeriodTotal, 2000)
		require.Equal(t, []int{50}, spend(600), "of a limit that was raised, anew")
		require.Equal(t, []int{80}, spend(100))
		b.budget(t, enum.PeriodTotal, 1750)
		require.Equal(t, []int{90}, spend(1), "of a limit that was lowered, with the next call")
		require.Equal(t, []int{100}, spend(149))
	})
}

func TestLevelsAreExact(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		spent, limit int64
		level        int
	}{{0, 1, 0}, {1, 1, 100}, {1, 3, 0}, {2, 3, 50}, {49, 100, 0}, {50, 100, 50}, {1<<62 - 1, 1<<63 - 1, 0}, {1<<63 - 1, 1<<63 - 1, 100}} {
		require.Equal(t, c.level, usage.LevelOf(c.spent, c.limit), "%d of %d", c.spent, c.limit)
	}
}

func TestManyReserveAtOnceAndNoneTooMuch(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *testBundle) {
		budgets := []*ent.Budget{
			b.budget(t, enum.PeriodDay, 1000), b.budget(t, enum.PeriodTotal, 1300),
			b.budget(t, enum.PeriodMonth, 2000, func(in *usage.SetInput) {
				in.Scope, in.ProjectID, in.OrganisationID = enum.BudgetOrganisation, "", b.project.OrganisationID
			}),
		}
		runs := make([]*ent.Run, 50)
		for i := range runs {
			runs[i] = storetest.Run(t, b.db, b.project, enum.RunRunning)
		}
		var granted atomic.Int64
		var all sync.WaitGroup
		for _, run := range runs {
			all.Go(func() {
				c := b.call(t, run, 90)
				r, err := b.reserve(c)
				if err != nil {
					require.ErrorAs(t, err, new(*usage.Exceeded))
					return
				}
				granted.Add(1)
				if _, err := b.settle(r, record(c, 90)); err != nil {
					require.NoError(t, err)
				}
			})
		}
		all.Wait()
		require.Equal(t, int64(11), granted.Load())
		for _, of := range budgets {
			spent, reserved := b.spending(t, of)
			require.Equal(t, []int64{990, 0}, []int64{spent, reserved})
		}
	})
}

func TestDeletingARunWithACallUnderWayIsRefused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *testBundle) {
		b.budget(t, enum.PeriodTotal, 1000)
		_, err := b.reserve(b.call(t, b.run, 400))
		require.NoError(t, err)
		unchecked := storetest.Unchecked(context.Background())
		require.Error(t, b.db.Ent.Run.DeleteOneID(b.run.ID).Exec(unchecked), "its money would be held for ever")
		_, err = b.abandon(b.run)
		require.NoError(t, err)
		require.NoError(t, b.db.Ent.Run.DeleteOneID(b.run.ID).Exec(unchecked))
		n, err := b.db.Ent.UsageRecord.Query().Count(unchecked)
		require.NoError(t, err)
		require.Equal(t, 1, n, "what was spent stays known")
	})
}

func TestBoundIsNoLessThanTheBytes(t *testing.T) {
	t.Parallel()
	r := llm.Request{System: "Du bist Ingenieur.", Messages: []llm.Message{
		{Role: llm.RoleUser, Text: "ﷺ ĳ 가 🚀 \xff"},
		{Role: llm.RoleAssistant, Text: "ok", Carry: []byte(`{"thinking":"…"}`), ToolCalls: []llm.ToolCall{{ID: "1", Name: "read_file", Input: []byte(`{"path":"é"}`)}}},
		{Role: llm.RoleUser, ToolResults: []llm.ToolResult{{CallID: "1", Text: "a \"quoted\"\nline"}}},
	}, Tools: []llm.Tool{{Name: "read_file", Description: "Reads a file.", InputSchema: []byte(`{"type":"object"}`)}}}
	bytes := len(r.System)
	for _, m := range r.Messages {
		bytes += len(m.Text) + len(m.Carry)
		for _, c := range m.ToolCalls {
			bytes += len(c.ID) + len(c.Name) + len(c.Input)
		}
		for _, c := range m.ToolResults {
			bytes += len(c.CallID) + len(c.Text)
		}
	}
	for _, tool := range r.Tools {
		bytes += len(tool.Name) + len(tool.Description) + len(tool.InputSchema)
	}
	bound := usage.Bound(r)
	require.Greater(t, bound, int64(bytes))
	require.Less(t, usage.Bound(llm.Request{System: "hello"}), int64(100))
	longest := usage.Bound(llm.Request{System: "ﷺ"}) - usage.Bound(llm.Request{})
	require.Equal(t, int64(33), longest, "as a vendor writes it that takes it apart")
}

// Whoever adds something to what is sent to a vendor says here that Bound counts it.
func TestBoundKnowsAllThatIsSent(t *testing.T) {
	t.Parallel()
	for of, fields := range map[reflect.Type]string{
		reflect.TypeFor[llm.Request]():    "Model System Messages Tools MaxOutputTokens Temperature Effort",
		reflect.TypeFor[llm.Message]():    "Role Text Images ToolCalls ToolResults Carry",
		reflect.TypeFor[llm.ToolCall]():   "ID Name Input",
		reflect.TypeFor[llm.ToolResult](): "CallID Text IsError",
		reflect.TypeFor[llm.Tool]():       "Name Description InputSchema",
	} {
		var found []string
		for f := range of.Fields() {
			found = append(found, f.Name)
		}
		require.Equal(t, strings.Fields(fields), found, "%s", of)
	}
}
