package run_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/event"
	"github.com/zeblit/zeblit/ent/usagerecord"
	"github.com/zeblit/zeblit/internal/conversation"
	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/catalogue"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
	"github.com/zeblit/zeblit/internal/money"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/usage"
)

// cent makes a thousand tokens of output cost a cent, and those of input a tenth of it.
var cent = catalogue.Price{Input: 1_000_000, Output: 10_000_000, CacheRead: 100_000, CacheWrite: 1_250_000, AsOf: "2026-11-01"}

// worst is what a call costs at most that writes all that an engineer may.
const worst = 8192 * 10_000

// eachPriced is each with an engine that knows the price of its model.
func eachPriced(t *testing.T, o run.Options, script func() []llmtest.Script, test func(t *testing.T, b *testBundle)) {
	t.Helper()
	eachDatabase(t, func(t *testing.T, db *store.DB, url string) {
		test(t, setup(t, db, url, options{script: script(), run: o, price: &cent}))
	})
}

func (b *testBundle) budget(t *testing.T, limit int64, change ...func(*usage.SetInput)) *ent.Budget {
	t.Helper()
	in := usage.SetInput{Scope: enum.BudgetProject, ProjectID: b.project.ID, Period: enum.PeriodTotal, Limit: limit}
	for _, f := range change {
		f(&in)
	}
	made, err := usage.NewBudgets(b.db).Set(b.ctx, in)
	require.NoError(t, err)
	return made
}

func (b *testBundle) spending(t *testing.T, of *ent.Budget) (spent, reserved int64) {
	t.Helper()
	s, err := usage.SpendingOf(storetest.Unchecked(context.Background()), b.db.Ent, of, store.Now())
	require.NoError(t, err)
	return s.Spent, s.Reserved
}

func (b *testBundle) records(t *testing.T, runID string) []*ent.UsageRecord {
	t.Helper()
	all, err := b.db.Ent.UsageRecord.Query().Where(usagerecord.RunID(runID)).
		Order(ent.Asc(usagerecord.FieldID)).All(storetest.Unchecked(context.Background()))
	require.NoError(t, err)
	return all
}

func (b *testBundle) awaitState(t *testing.T, id string, state enum.RunState) *ent.Run {
	t.Helper()
	var r *ent.Run
	require.Eventually(t, func() bool {
		var err error
		r, err = b.db.Ent.Run.Get(b.ctx, id)
		return err == nil && r.State == state
	}, time.Minute, 10*time.Millisecond)
	return r
}

// told decodes the payloads of the run's events of a type.
func told[T any](t *testing.T, b *testBundle, runID string, of enum.EventType) []T {
	t.Helper()
	events, err := b.db.Ent.Event.Query().Where(event.RunID(runID), event.TypeEQ(of)).Order(ent.Asc(event.FieldSeq)).All(b.ctx)
	require.NoError(t, err)
	all := make([]T, len(events))
	for i, e := range events {
		require.NoError(t, json.Unmarshal(e.Payload, &all[i]))
	}
	return all
}

var used = llmtest.Usage(llm.Usage{InputTokens: 2000, OutputTokens: 300, CacheReadTokens: 1000, CacheWriteTokens: 400, ReasoningTokens: 100})

const usedCost = 2_000_000 + 3_000_000 + 100_000 + 500_000

func TestARunPausesWhereABudgetHasNoRoomAndGoesOnWhenItIsRaised(t *testing.T) {
	t.Parallel()
	eachPriced(t, run.Options{}, func() []llmtest.Script {
		return []llmtest.Script{
			llmtest.Reply{used, llmtest.Call("write_file", map[string]any{"path": "a.txt", "text": "one"})},
			llmtest.Reply{used, llmtest.Say("done")},
		}
	}, func(t *testing.T, b *testBundle) {
		budget := b.budget(t, money.Dollar)
		_, r := b.send(t, conversation.SendInput{Text: "hello"})
		require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
		spent, reserved := b.spending(t, budget)
		require.Equal(t, []int64{2 * usedCost, 0}, []int64{spent, reserved})

		b.model.Add(
			llmtest.Reply{used, llmtest.Call("write_file", map[string]any{"path": "b.txt", "text": "two"})},
			llmtest.Reply{used, llmtest.Say("done")},
		)
		b.budget(t, 2*usedCost+1)
		_, r = b.send(t, conversation.SendInput{Text: "again"})
		b.awaitState(t, r.ID, enum.RunPaused)
		require.Len(t, b.model.Requests(), 2, "the model is not asked")
		reached := told[stream.BudgetPayload](t, b, r.ID, enum.EventBudgetReached)
		require.Len(t, reached, 1)
		require.True(t, reached[0].Paused)
		require.Equal(t, budget.ID, reached[0].BudgetID)
		require.Equal(t, []int64{2*usedCost + 1, 2 * usedCost}, []int64{*reached[0].Limit, *reached[0].Spent})
		require.Positive(t, *reached[0].Needed)
		require.Contains(t, reached[0].Text, "Raise the budget and resume the run")

		b.budget(t, money.Dollar)
		_, err := b.engine.Resume(b.ctx, r.ID)
		require.NoError(t, err)
		require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
		spent, reserved = b.spending(t, budget)
		require.Equal(t, []int64{4 * usedCost, 0}, []int64{spent, reserved})
	})
}

func TestFiguresOfOthersBudgetsAreNotToldInTheProject(t *testing.T) {
	t.Parallel()
	eachPriced(t, run.Options{BudgetWait: -1}, always("done"), func(t *testing.T, b *testBundle) {
		b.budget(t, 1, func(in *usage.SetInput) {
			in.Scope, in.ProjectID, in.OrganisationID = enum.BudgetOrganisation, "", b.project.OrganisationID
		})
		_, r := b.send(t, conversation.SendInput{Text: "hello"})
		b.awaitState(t, r.ID, enum.RunPaused)
		reached := told[stream.BudgetPayload](t, b, r.ID, enum.EventBudgetReached)
		require.Len(t, reached, 1)
		require.Equal(t, enum.BudgetOrganisation, reached[0].Scope)
		require.Nil(t, reached[0].Limit)
		require.Nil(t, reached[0].Spent)
		require.Nil(t, reached[0].Needed)
		require.False(t, strings.ContainsAny(reached[0].Text, "0123456789"), reached[0].Text)
	})
}

func TestAModelWithoutAPriceFailsTheRunUnderABudget(t *testing.T) {
	t.Parallel()
	each(t, always("done"), func(t *testing.T, b *testBundle) {
		b.budget(t, money.Dollar)
		_, r := b.send(t, conversation.SendInput{Text: "hello"})
		ended := b.await(t, r.ID)
		require.Equal(t, enum.RunFailed, ended.State)
		require.Contains(t, ended.Error, "scripted has no price")
		require.Empty(t, b.model.Requests())
		require.Empty(t, b.records(t, r.ID))
	})
}

func TestACallWaitsForOthersThatHoldWhatItNeeds(t *testing.T) {
	t.Parallel()
	eachPriced(t, run.Options{}, func() []llmtest.Script {
		return []llmtest.Script{llmtest.Func(func(q llmtest.Request) llmtest.Reply {
			if strings.Contains(q.LastText(), "first") {
				return llmtest.Reply{used, llmtest.Slow(20 * time.Millisecond), llmtest.Say(strings.Split(strings.Repeat("a.", 20), ".")...)}
			}
			return llmtest.Reply{used, llmtest.Say("b")}
		})}
	}, func(t *testing.T, b *testBundle) {
		budget := b.budget(t, worst+worst/2)
		_, first := b.send(t, conversation.SendInput{Text: "first"})
		b.untilSaid(t, first.ID)
		_, second := b.send(t, conversation.SendInput{Text: "second"})
		require.Equal(t, enum.RunSucceeded, b.await(t, second.ID).State)
		require.Equal(t, enum.RunSucceeded, b.await(t, first.ID).State)
		spent, reserved := b.spending(t, budget)
		require.Equal(t, []int64{2 * usedCost, 0}, []int64{spent, reserved})
	})
}

func TestAnAnswerCutByALoweredLimitPausesTheRun(t *testing.T) {
	t.Parallel()
	eachPriced(t, run.Options{BudgetWait: -1}, func() []llmtest.Script {
		return []llmtest.Script{
			llmtest.Reply{used, llmtest.Say("as far as it "), llmtest.Stop(llm.StopLength)},
			llmtest.Reply{used, llmtest.Say("whole")},
		}
	}, func(t *testing.T, b *testBundle) {
		b.budget(t, worst/2)
		_, r := b.send(t, conversation.SendInput{Text: "hello"})
		b.awaitState(t, r.ID, enum.RunPaused)
		var asked struct {
			MaxTokens int64 `json:"max_tokens"`
		}
		require.NoError(t, json.Unmarshal(b.model.Requests()[0].Body, &asked))
		require.Less(t, asked.MaxTokens, int64(4096))
		require.GreaterOrEqual(t, asked.MaxTokens, int64(256))
		answers := b.answers(t, r.ID)
		require.Len(t, answers, 1)
		require.Equal(t, enum.MessageInterrupted, answers[0].Status)
		records := b.records(t, r.ID)
		require.Len(t, records, 1)
		require.Equal(t, enum.CallInterrupted, records[0].Outcome)
		require.Equal(t, int64(usedCost), *records[0].Cost)

		b.budget(t, money.Dollar)
		_, err := b.engine.Resume(b.ctx, r.ID)
		require.NoError(t, err)
		require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
	})
}

func TestWhatACancelledCallHasHeldIsReleased(t *testing.T) {
	t.Parallel()
	for name, stop := range map[string]func(t *testing.T, b *testBundle, id string){
		"cancel": func(t *testing.T, b *testBundle, id string) {
			_, err := b.engine.Cancel(b.ctx, id)
			require.NoError(t, err)
			require.Equal(t, enum.RunCancelled, b.await(t, id).State)
		},
		"pause": func(t *testing.T, b *testBundle, id string) {
			_, err := b.engine.Pause(b.ctx, id)
			require.NoError(t, err)
			b.awaitState(t, id, enum.RunPaused)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachPriced(t, run.Options{}, func() []llmtest.Script {
				return []llmtest.Script{llmtest.Reply{llmtest.Say("on and on"), llmtest.Hang()}}
			}, func(t *testing.T, b *testBundle) {
				budget := b.budget(t, money.Dollar)
				_, r := b.send(t, conversation.SendInput{Text: "hello"})
				b.untilSaid(t, r.ID)
				_, reserved := b.spending(t, budget)
				require.GreaterOrEqual(t, reserved, int64(worst))
				stop(t, b, r.ID)
				spent, reserved := b.spending(t, budget)
				require.Zero(t, reserved)
				records := b.records(t, r.ID)
				require.Len(t, records, 1)
				require.Equal(t, enum.CallInterrupted, records[0].Outcome)
				require.Equal(t, int64(len("on and on")), records[0].OutputTokens)
				require.True(t, records[0].Estimated)
				require.Equal(t, spent, *records[0].Cost)
			})
		})
	}
}

// abandonCall makes as if a worker had reserved a call of the run and died.
func (b *testBundle) abandonCall(t *testing.T, r *ent.Run, amount int64) {
	t.Helper()
	ctx := storetest.Unchecked(context.Background())
	ledger := usage.New(slog.New(slog.DiscardHandler))
	require.NoError(t, b.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		account, err := usage.AccountOf(ctx, tx.Ent, r)
		require.NoError(t, err)
		_, err = ledger.Reserve(ctx, tx, usage.Call{
			Account: account, Epoch: r.Epoch, Attempt: 1, Provider: "anthropic", Model: "m", Price: &catalogue.Price{Output: 1000}, Output: amount,
		})
		return err
	}))
}

func TestCallsOfAVanishedWorkerAreSettledByWhoTakesItsRunOver(t *testing.T) {
	t.Parallel()
	eachDatabaseWith(t, options{idle: true, script: always("here")(), price: &cent}, func(t *testing.T, b *testBundle) {
		budget := b.budget(t, money.Dollar)
		r := storetest.Run(t, b.db, b.project, enum.RunRunning)
		b.abandonCall(t, r, 1_000_000)
		unchecked := storetest.Unchecked(context.Background())
		require.NoError(t, b.db.Ent.Run.UpdateOneID(r.ID).SetLeaseOwner("gone").SetLeaseUntil(1).SetEpoch(7).Exec(unchecked))
		b.worker(t, options{price: &cent}) // only now: without an owner the run is anybody's
		require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
		records := b.records(t, r.ID)
		require.Len(t, records, 2)
		require.Equal(t, enum.CallAbandoned, records[0].Outcome)
		require.Equal(t, int64(1_000_000), *records[0].Cost)
		spent, reserved := b.spending(t, budget)
		require.Equal(t, []int64{1_000_000 + *records[1].Cost, 0}, []int64{spent, reserved})
	})
}

func TestHoweverARunEndsItsCallsAreSettled(t *testing.T) {
	t.Parallel()
	eachIdle(t, func(t *testing.T, b *testBundle) {
		budget := b.budget(t, money.Dollar, func(in *usage.SetInput) {
			in.Scope, in.ProjectID, in.OrganisationID = enum.BudgetOrganisation, "", b.project.OrganisationID
		})
		hands := run.ByHand(b.engine)
		total := int64(0)
		open := func(amount int64) *ent.Run {
			_, r := b.send(t, conversation.SendInput{Text: "hello"})
			b.abandonCall(t, r, amount)
			total += amount
			return r
		}
		check := func() {
			t.Helper()
			spent, reserved := b.spending(t, budget)
			require.Equal(t, []int64{total, 0}, []int64{spent, reserved})
		}
		r := open(1000)
		_, err := b.engine.Cancel(b.ctx, r.ID)
		require.NoError(t, err)
		check()
		r = open(2000)
		_, err = b.engine.Pause(b.ctx, r.ID)
		require.NoError(t, err)
		check()
		r = open(3000)
		b.change(t, r.ID, func(u *ent.RunUpdateOne) { u.SetDeadlineAt(1) })
		require.NoError(t, hands.Sweep())
		check()
		open(4000)
		open(5000)
		b.remove(t, b.engine, b.project.ID)
		check()
		n, err := b.db.Ent.UsageRecord.Query().Where(usagerecord.ProjectID(b.project.ID)).Count(storetest.Unchecked(context.Background()))
		require.NoError(t, err)
		require.Equal(t, 5, n, "what a project cost stays known when it is deleted")
	})
}

func TestLevelsAreToldInTheProjectOnce(t *testing.T) {
	t.Parallel()
	eachPriced(t, run.Options{}, func() []llmtest.Script {
		return []llmtest.Script{llmtest.Func(func(llmtest.Request) llmtest.Reply { return llmtest.Reply{used, llmtest.Say("done")} })}
	}, func(t *testing.T, b *testBundle) {
		b.budget(t, 4*usedCost+worst)
		var levels []int
		for range 3 {
			_, r := b.send(t, conversation.SendInput{Text: "hello"})
			require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
			for _, p := range told[stream.BudgetPayload](t, b, r.ID, enum.EventBudgetReached) {
				require.False(t, p.Paused)
				levels = append(levels, p.Level)
			}
			if len(levels) == 0 {
				// So that the next call makes it half.
				_, err := b.db.SQL.Exec("UPDATE spendings SET spent = $1", (4*usedCost+worst)/2-usedCost)
				require.NoError(t, err)
			}
		}
		require.Equal(t, []int{50}, levels, "told once")
	})
}
