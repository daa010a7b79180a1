package run_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/event"
	"github.com/zeblit/zeblit/ent/message"
	"github.com/zeblit/zeblit/internal/conversation"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

// untilSaid waits for the run's first text.
func (b *testBundle) untilSaid(t *testing.T, runID string) {
	t.Helper()
	soon(t, func() bool {
		n, err := b.db.Ent.Event.Query().Where(event.RunID(runID), event.TypeEQ(enum.EventMessageDelta)).Count(b.ctx)
		return err == nil && n > 0
	})
}

func (b *testBundle) untilState(t *testing.T, runID string, state enum.RunState) *ent.Run {
	t.Helper()
	var r *ent.Run
	soon(t, func() bool {
		var err error
		r, err = b.db.Ent.Run.Get(b.ctx, runID)
		return err == nil && r.State == state
	})
	return r
}

// asked is the texts that the model was given in its n-th request (from 1), by role.
func (b *testBundle) asked(n int) []string {
	var out []string
	for _, m := range b.model.Requests()[n-1].Messages {
		out = append(out, string(m.Role)+": "+m.Text)
	}
	return out
}

func (b *testBundle) answers(t *testing.T, runID string) []*ent.Message {
	t.Helper()
	all, err := b.db.Ent.Message.Query().Where(message.RunID(runID), message.RoleEQ(enum.RoleAssistant)).
		Order(ent.Asc(message.FieldPosition)).All(b.ctx)
	require.NoError(t, err)
	return all
}

func list() llmtest.Step { return llmtest.Call("list_files", nil) }

func TestAPausedRunGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	each(t, func() []llmtest.Script {
		return []llmtest.Script{
			llmtest.Reply{llmtest.Say("looking"), list()},
			llmtest.Reply{llmtest.Say("half"), llmtest.Hang()},
			llmtest.Reply{llmtest.Say("whole")},
		}
	}, func(t *testing.T, b *testBundle) {
		_, r := b.send(t, conversation.SendInput{Text: "hello"})
		require.Eventually(t, func() bool { return len(b.answers(t, r.ID)) == 2 }, time.Minute, 5*time.Millisecond)
		_, err := b.engine.Pause(b.ctx, r.ID)
		require.NoError(t, err)
		paused := b.untilState(t, r.ID, enum.RunPaused)
		require.Empty(t, paused.LeaseOwner, "waiting costs no worker")
		require.False(t, paused.PauseRequested)
		require.Equal(t, enum.MessageInterrupted, b.answers(t, r.ID)[1].Status)

		_, err = b.engine.Resume(b.ctx, r.ID)
		require.NoError(t, err)
		require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
		require.Equal(t, "whole", b.answers(t, r.ID)[2].Text)
		require.Equal(t, []string{"user: hello", "assistant: looking", "user: "}, b.asked(3))
		_, err = b.engine.Pause(b.ctx, r.ID)
		require.True(t, problem.Is(err, problem.Conflict), "%v", err)
		require.ErrorContains(t, err, "SUCCEEDED")
	})
}

func TestAnotherWorkersRunIsStoppedByItsFlags(t *testing.T) {
	t.Parallel()
	each(t, func() []llmtest.Script {
		return []llmtest.Script{llmtest.Reply{llmtest.Say("on and on"), llmtest.Hang()}}
	}, func(t *testing.T, b *testBundle) {
		other, _ := b.worker(t, options{idle: true}) // knows nothing of the first one's memory
		_, r := b.send(t, conversation.SendInput{Text: "hello"})
		b.untilSaid(t, r.ID)
		_, err := other.Pause(b.ctx, r.ID)
		require.NoError(t, err)
		b.untilState(t, r.ID, enum.RunPaused)
		_, err = other.Cancel(b.ctx, r.ID)
		require.NoError(t, err)
		require.Equal(t, enum.RunCancelled, b.await(t, r.ID).State)
	})
}

func TestARetryKnowsWhatWasFinished(t *testing.T) {
	t.Parallel()
	each(t, func() []llmtest.Script {
		return []llmtest.Script{
			llmtest.Reply{llmtest.Say("looking"), list()},
			llmtest.Status(400),
			llmtest.Reply{llmtest.Say("there")},
		}
	}, func(t *testing.T, b *testBundle) {
		m, r := b.send(t, conversation.SendInput{Text: "hello"})
		require.Equal(t, enum.RunFailed, b.await(t, r.ID).State)
		_, err := b.engine.Resume(b.ctx, r.ID)
		require.True(t, problem.Is(err, problem.Conflict), "%v", err)

		in := run.RetryInput{RunID: r.ID, IdempotencyKey: "again"}
		again, err := b.engine.Retry(b.ctx, in)
		require.NoError(t, err)
		require.Equal(t, r.ID, *again.RetriedFromID)
		require.Equal(t, m.ID, again.MessageID)
		require.Equal(t, enum.RunSucceeded, b.await(t, again.ID).State)
		require.Equal(t, []string{"user: hello", "assistant: looking", "user: "}, b.asked(3))
		same, err := b.engine.Retry(b.ctx, in)
		require.NoError(t, err)
		require.Equal(t, again.ID, same.ID)
		_, err = b.engine.Retry(b.ctx, run.RetryInput{RunID: again.ID})
		require.True(t, problem.Is(err, problem.Conflict), "%v", err)
		_, err = b.engine.Retry(b.ctx, run.RetryInput{RunID: again.ID, IdempotencyKey: "again"})
		require.True(t, problem.Is(err, problem.Conflict), "%v", err)
	})
}

func TestASteeredMessageReachesTheModelAtTheNextStep(t *testing.T) {
	t.Parallel()
	for _, vendor := range []string{"anthropic", "openai"} {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			eachVendor(t, vendor, func(t *testing.T, b *testBundle) {
				proceed := make(chan struct{})
				b.model.Add(
					llmtest.Reply{llmtest.Say("looking"), llmtest.Wait(proceed), list()},
					llmtest.Reply{llmtest.Say("in blue"), list()},
					llmtest.Reply{llmtest.Say("done")})
				m, r := b.send(t, conversation.SendInput{Text: "paint"})
				b.untilSaid(t, r.ID)
				steered, same := b.send(t, conversation.SendInput{ConversationID: m.ConversationID, Text: "blue", WhileBusy: conversation.Steer})
				require.Equal(t, r.ID, same.ID)
				require.Equal(t, r.ID, *steered.RunID)
				close(proceed)
				require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
				require.Equal(t, []string{"user: paint", "assistant: looking", "user: blue"}, b.asked(2))
				require.Equal(t, []string{"user: paint", "assistant: looking", "user: blue", "assistant: in blue", "user: "}, b.asked(3))
				for _, q := range b.model.Requests() {
					require.Empty(t, q.Refused)
				}
				n, err := b.db.Ent.Run.Query().Count(b.ctx)
				require.NoError(t, err)
				require.Equal(t, 1, n)
			})
		})
	}
}

// It would be shown twice: with the next step again, or in a run of its own.
func TestASteeredMessageIsShownOnceTheRunHasLookedForIt(t *testing.T) {
	t.Parallel()
	eachIdle(t, func(t *testing.T, b *testBundle) {
		hands := run.ByHand(b.engine)
		m, r := b.send(t, conversation.SendInput{Text: "paint it"})
		c, err := hands.Claim(r.ID)
		require.NoError(t, err)
		b.send(t, conversation.SendInput{ConversationID: m.ConversationID, Text: "blue", WhileBusy: conversation.Steer})
		shown := func() (texts []string) {
			messages, err := hands.Shown(c)
			require.NoError(t, err)
			for _, m := range messages {
				texts = append(texts, m.Text)
			}
			return texts
		}
		require.Equal(t, []string{"paint it"}, shown())
		require.NoError(t, hands.See(c))
		require.Equal(t, []string{"paint it\n\nblue"}, shown())
	})
}

func TestASteeredMessageThatCameTooLateGetsARunOfItsOwn(t *testing.T) {
	t.Parallel()
	eachVendor(t, "anthropic", func(t *testing.T, b *testBundle) {
		last := make(chan struct{})
		b.model.Add(
			llmtest.Reply{llmtest.Say("all done"), llmtest.Wait(last)},
			llmtest.Reply{llmtest.Say("blue it is")})
		m, r := b.send(t, conversation.SendInput{Text: "paint"})
		b.untilSaid(t, r.ID)
		steered, _ := b.send(t, conversation.SendInput{ConversationID: m.ConversationID, Text: "blue", WhileBusy: conversation.Steer})
		close(last)
		require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
		steered, err := b.db.Ent.Message.Get(b.ctx, steered.ID)
		require.NoError(t, err)
		require.NotEqual(t, r.ID, *steered.RunID)
		own := b.await(t, *steered.RunID)
		require.Equal(t, enum.RunSucceeded, own.State)
		require.Equal(t, steered.ID, own.MessageID)
		require.Equal(t, []string{"user: paint", "assistant: all done", "user: blue"}, b.asked(2))
	})
}

func TestAnInterruptingMessageIsAnsweredNext(t *testing.T) {
	t.Parallel()
	eachVendor(t, "anthropic", func(t *testing.T, b *testBundle) {
		b.model.Add(
			llmtest.Reply{llmtest.Say("on and on"), llmtest.Hang()},
			llmtest.Reply{llmtest.Say("urgent")},
			llmtest.Reply{llmtest.Say("waited")})
		m, r := b.send(t, conversation.SendInput{Text: "one"})
		b.untilSaid(t, r.ID)
		_, waiting := b.send(t, conversation.SendInput{ConversationID: m.ConversationID, Text: "two"})
		_, _, err := b.talk.Send(b.ctx, conversation.SendInput{ConversationID: m.ConversationID, Text: "no", WhileBusy: conversation.Reject})
		require.True(t, problem.Is(err, problem.Conflict), "%v", err)
		require.ErrorContains(t, err, r.ID)
		_, urgent := b.send(t, conversation.SendInput{ConversationID: m.ConversationID, Text: "three", WhileBusy: conversation.Interrupt})
		require.Equal(t, enum.RunCancelled, b.await(t, r.ID).State)
		require.Equal(t, enum.MessageInterrupted, b.answers(t, r.ID)[0].Status)
		require.Equal(t, enum.RunSucceeded, b.await(t, urgent.ID).State)
		require.Equal(t, enum.RunSucceeded, b.await(t, waiting.ID).State)
		require.Equal(t, "urgent", b.answers(t, urgent.ID)[0].Text)
		require.Equal(t, "waited", b.answers(t, waiting.ID)[0].Text)
		require.Equal(t, []string{"user: one\n\nthree"}, b.asked(2))
		_, idle := b.send(t, conversation.SendInput{ConversationID: m.ConversationID, Text: "four", WhileBusy: conversation.Steer, Agent: "none"})
		require.Nil(t, idle)
	})
}

func TestEveryWaitHasAnEnd(t *testing.T) {
	t.Parallel()
	eachDatabaseWith(t, options{
		script: []llmtest.Script{llmtest.Reply{llmtest.Say("on"), llmtest.Hang()}, llmtest.Reply{llmtest.Say("on"), llmtest.Hang()}, llmtest.Reply{llmtest.Say("next")}},
		run:    run.Options{Deadlines: run.Deadlines{Pause: time.Millisecond, Run: time.Hour}},
	}, func(t *testing.T, b *testBundle) {
		m, r := b.send(t, conversation.SendInput{Text: "hello"})
		b.untilSaid(t, r.ID)
		_, err := b.engine.Pause(b.ctx, r.ID)
		require.NoError(t, err)
		ended := b.await(t, r.ID)
		require.Equal(t, enum.RunCancelled, ended.State)
		require.Contains(t, ended.Error, "paused")

		before := time.Now()
		_, long := b.send(t, conversation.SendInput{ConversationID: m.ConversationID, Text: "long"})
		_, next := b.send(t, conversation.SendInput{ConversationID: m.ConversationID, Text: "next"})
		b.untilSaid(t, long.ID)
		long, err = b.db.Ent.Run.Get(b.ctx, long.ID)
		require.NoError(t, err)
		require.GreaterOrEqual(t, long.DeadlineAt, before.Add(time.Hour).UnixMilli())
		require.LessOrEqual(t, long.DeadlineAt, time.Now().Add(time.Hour).UnixMilli()+1)
		b.change(t, long.ID, func(u *ent.RunUpdateOne) { u.SetDeadlineAt(1) }) // as if the hour were over
		ended = b.await(t, long.ID)
		require.Equal(t, enum.RunFailed, ended.State)
		require.Contains(t, ended.Error, "longer than 1h0m0s")
		require.Equal(t, enum.RunSucceeded, b.await(t, next.ID).State)
		require.Eventually(t, func() bool { return b.engine.Stats().Overdue == 2 }, time.Minute, 5*time.Millisecond) // counted after the commit
	})
}

func TestAStepHasAnEnd(t *testing.T) {
	t.Parallel()
	eachDatabaseWith(t, options{
		script: []llmtest.Script{llmtest.Reply{llmtest.Say("on"), llmtest.Hang()}},
		run:    run.Options{Deadlines: run.Deadlines{Step: time.Second}},
	}, func(t *testing.T, b *testBundle) {
		_, r := b.send(t, conversation.SendInput{Text: "hello"})
		ended := b.await(t, r.ID)
		require.Equal(t, enum.RunFailed, ended.State)
		require.Contains(t, ended.Error, "one step took longer than 1s")
	})
}

func TestAForgottenRunIsRepairedAndCounted(t *testing.T) {
	t.Parallel()
	eachIdle(t, func(t *testing.T, b *testBundle) {
		hands := run.ByHand(b.engine)
		unchecked := storetest.Unchecked(context.Background())
		for _, state := range []enum.RunState{enum.RunQueued, enum.RunRunning, enum.RunPaused, enum.RunSucceeded} {
			r := storetest.Run(t, b.db, b.project, state)
			before := b.engine.Stats().Repairs
			require.NoError(t, hands.Sweep())
			r, err := b.db.Ent.Run.Get(unchecked, r.ID)
			require.NoError(t, err)
			if state.Ended() {
				require.Equal(t, before, b.engine.Stats().Repairs)
				continue
			}
			require.Equal(t, before+1, b.engine.Stats().Repairs)
			require.Positive(t, r.DeadlineAt)
			require.Equal(t, state != enum.RunPaused, r.LeaseUntil > 0)
		}
	})
}
