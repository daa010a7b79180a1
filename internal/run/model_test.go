package run_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/conversation"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
)

func TestTheNextModelAnswersWhereOneDoesNot(t *testing.T) {
	t.Parallel()
	eachDatabaseWith(t, options{models: []string{"anthropic/scripted", "anthropic/other"}, script: nil, idle: false}, func(t *testing.T, b *testBundle) {
		b.model.Add(
			llmtest.Reply{llmtest.Say("half "), llmtest.Cut(1)}, llmtest.Status(529), llmtest.Status(529),
			llmtest.Reply{llmtest.Say("whole")},
		)
		_, r := b.send(t, conversation.SendInput{Text: "Please see to it."})
		require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
		var models, reasons []string
		for _, rec := range b.records(t, r.ID) {
			models, reasons = append(models, rec.Model), append(reasons, rec.Reason)
		}
		require.Equal(t, []string{"scripted", "scripted", "scripted", "other"}, models)
		require.Equal(t, "it is what the agent usually works with", reasons[0])
		require.Equal(t, "anthropic/scripted is overloaded", reasons[3])
		answers := b.answers(t, r.ID)
		require.Len(t, answers, 2)
		require.Equal(t, enum.MessageInterrupted, answers[0].Status)
		require.Equal(t, "half ", answers[0].Text)
		require.Equal(t, "whole", answers[1].Text)
		require.Equal(t, "other", b.model.Requests()[3].Model)
	})
}

func TestAModelThatIsWishedForIsAsked(t *testing.T) {
	t.Parallel()
	eachDatabaseWith(t, options{}, func(t *testing.T, b *testBundle) {
		b.model.Add(llmtest.Reply{llmtest.Say("yes")})
		_, r := b.send(t, conversation.SendInput{Text: "hello", Model: "other"})
		require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
		require.Equal(t, "other", b.model.Requests()[0].Model)
		require.Equal(t, "you asked for it", b.records(t, r.ID)[0].Reason)

		for _, in := range []conversation.SendInput{
			{ProjectID: b.project.ID, Text: "hello", Model: "another"},
			{ProjectID: b.project.ID, Text: "hello", Model: "nobody/other"},
		} {
			_, _, err := b.talk.Send(b.ctx, in)
			refused := problem.As(err)
			require.NotNil(t, refused, "%v", err)
			require.Equal(t, problem.BadInput, refused.Code)
			require.Equal(t, "model", refused.Field)
			require.Contains(t, refused.Message, "anthropic/scripted")
		}
		_, _, err := b.talk.Send(b.ctx, conversation.SendInput{ProjectID: b.project.ID, Text: "hello", Quick: true, Complex: true})
		require.Equal(t, "complex", problem.As(err).Field)
	})
}

func TestARunWaitsForAQuotaInSight(t *testing.T) {
	t.Parallel()
	eachDatabaseWith(t, options{}, func(t *testing.T, b *testBundle) {
		const quota = 21 * time.Second
		b.model.Add(llmtest.Status(429, quota), llmtest.Reply{llmtest.Say("back again")})
		_, r := b.send(t, conversation.SendInput{Text: "Please see to it."})
		var waiting *ent.Run
		require.Eventually(t, func() bool {
			var err error
			waiting, err = b.db.Ent.Run.Get(b.ctx, r.ID)
			return err == nil && waiting.WaitsUntil != nil
		}, time.Minute, 10*time.Millisecond)
		require.Equal(t, enum.RunRunning, waiting.State)
		require.Equal(t, "anthropic/scripted has no quota left", waiting.WaitsFor)
		require.WithinDuration(t, store.Now().Add(quota), *waiting.WaitsUntil, quota)
		ended := b.await(t, r.ID)
		require.Equal(t, enum.RunSucceeded, ended.State)
		require.Nil(t, ended.WaitsUntil)
		require.Empty(t, ended.WaitsFor)
		require.Len(t, b.model.Requests(), 2)
	})
}

func TestARunThatWaitsForAQuotaCanBeCancelled(t *testing.T) {
	t.Parallel()
	eachDatabaseWith(t, options{}, func(t *testing.T, b *testBundle) {
		b.model.Add(llmtest.Status(429, 20*time.Minute))
		_, r := b.send(t, conversation.SendInput{Text: "Please see to it."})
		require.Eventually(t, func() bool {
			waiting, err := b.db.Ent.Run.Get(b.ctx, r.ID)
			return err == nil && waiting.WaitsUntil != nil
		}, time.Minute, 10*time.Millisecond)
		_, err := b.engine.Cancel(b.ctx, r.ID)
		require.NoError(t, err)
		require.Equal(t, enum.RunCancelled, b.await(t, r.ID).State)
	})
}

func TestAQuotaThatIsTooFarAwayFailsTheRun(t *testing.T) {
	t.Parallel()
	eachDatabaseWith(t, options{}, func(t *testing.T, b *testBundle) {
		b.model.Add(llmtest.Status(429, 5*time.Hour))
		_, r := b.send(t, conversation.SendInput{Text: "Please see to it."})
		ended := b.await(t, r.ID)
		require.Equal(t, enum.RunFailed, ended.State)
		require.Contains(t, ended.Error, "has no quota left until ")
	})
}

func TestWhatAVendorFindsTooLargeIsToldInShort(t *testing.T) {
	t.Parallel()
	eachDatabaseWith(t, options{}, func(t *testing.T, b *testBundle) {
		b.model.Add(llmtest.Reply{llmtest.Say("Answer ", strings.Repeat("long ", 10_000))})
		m, r := b.send(t, conversation.SendInput{Text: "Question of spring"})
		require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
		tooLong := llmtest.Refuse(400, "invalid_request_error", "prompt is too long: 212345 tokens > 200000 maximum")
		b.model.Add(tooLong, llmtest.Reply{llmtest.Say("short")})
		_, r = b.send(t, conversation.SendInput{ConversationID: m.ConversationID, Text: "Question of summer"})
		require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
		requests := b.model.Requests()
		require.Len(t, requests, 3)
		require.Less(t, len(requests[2].Body), len(requests[1].Body)*2/3)
		require.Contains(t, requests[2].LastText(), "Question of summer")

		b.model.Add(tooLong, tooLong)
		_, r = b.send(t, conversation.SendInput{ConversationID: m.ConversationID, Text: "Question of autumn"})
		ended := b.await(t, r.ID)
		require.Equal(t, enum.RunFailed, ended.State, "it is tried once")
		require.Contains(t, ended.Error, "too long")
	})
}

func TestALongConversationIsToldInShort(t *testing.T) {
	t.Parallel()
	eachDatabaseWith(t, options{window: 20_000}, func(t *testing.T, b *testBundle) {
		var first *ent.Message
		for i := range 4 {
			b.model.Add(llmtest.Reply{llmtest.Say("Answer ", strings.Repeat("long ", 3000))})
			in := conversation.SendInput{Text: "Question of " + []string{"spring", "summer", "autumn", "winter"}[i]}
			if first != nil {
				in.ConversationID = first.ConversationID
			}
			m, r := b.send(t, in)
			if first == nil {
				first = m
			}
			require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
		}
		last := b.model.Requests()[3]
		require.Contains(t, last.LastText(), "Question of winter")
		require.Contains(t, last.LastText()+last.Messages[0].Text, "told in short")
		size := 0
		for _, m := range last.Messages {
			size += len(m.Text)
		}
		require.Less(t, size, 3*20_000)
		kept, err := b.db.Ent.Message.Query().Count(b.ctx)
		require.NoError(t, err)
		require.Equal(t, 8, kept, "the conversation is whole")
	})
}
