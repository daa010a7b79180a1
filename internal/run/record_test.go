package run_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/conversation"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/stream"
)

func TestEveryCallIsRecorded(t *testing.T) {
	t.Parallel()
	eachPriced(t, run.Options{}, func() []llmtest.Script {
		return []llmtest.Script{
			llmtest.Status(529),
			llmtest.Reply{llmtest.Say("half an ", "answer"), llmtest.Cut(2)},
			llmtest.Reply{used, llmtest.Say("look"), llmtest.Call("list_files", map[string]any{})},
			llmtest.Reply{used, llmtest.Say("whole")},
		}
	}, func(t *testing.T, b *testBundle) {
		_, r := b.send(t, conversation.SendInput{Text: "hello"})
		require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
		records := b.records(t, r.ID)
		require.Len(t, records, 4)
		for i, want := range []struct {
			step, attempt int
			outcome       enum.CallOutcome
			estimated     bool
		}{{0, 1, enum.CallFailed, false}, {0, 2, enum.CallInterrupted, true}, {0, 3, enum.CallOK, false}, {1, 1, enum.CallOK, false}} {
			got := records[i]
			require.Equal(t, want.step, got.Step)
			require.Equal(t, want.attempt, got.Attempt)
			require.Equal(t, want.outcome, got.Outcome)
			require.Equal(t, want.estimated, got.Estimated, i)
			require.Equal(t, b.project.OrganisationID, got.OrganisationID)
			require.Equal(t, r.UserID, got.UserID)
			require.Equal(t, "anthropic", got.Provider)
			require.NotEmpty(t, got.Model)
			require.Equal(t, "2026-11-01", got.PriceAsOf)
			require.Equal(t, `the text has the word "hello"`, got.Reason)
		}
		require.Zero(t, *records[0].Cost, "whom the vendor refuses it doesn't bill")
		require.Equal(t, int64(len("half an answer")), records[1].OutputTokens)
		require.NotNil(t, records[1].FirstToken)
		require.Positive(t, *records[1].Cost)
		require.Equal(t, int64(usedCost), *records[2].Cost)
		told := told[stream.UsagePayload](t, b, r.ID, enum.EventUsageRecorded)
		require.Len(t, told, 4)
		total := told[3].Usage
		require.Equal(t, []int64{4, 0, 1, 2}, []int64{total.Calls, total.UnpricedCalls, total.EstimatedCalls, total.FailedCalls})
		require.Equal(t, 2*int64(usedCost)+*records[1].Cost, total.Cost)
		require.Equal(t, []int64{2000, 800, 200}, []int64{total.CacheReadTokens, total.CacheWriteTokens, total.ReasoningTokens})
	})
}

func TestUnpricedCallsAreRecordedWithoutABudget(t *testing.T) {
	t.Parallel()
	each(t, always("done"), func(t *testing.T, b *testBundle) {
		_, r := b.send(t, conversation.SendInput{Text: "hello"})
		require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
		records := b.records(t, r.ID)
		require.Len(t, records, 1)
		require.Nil(t, records[0].Cost)
		require.Empty(t, records[0].PriceAsOf)
	})
}
