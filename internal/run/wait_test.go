package run_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/conversation"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

// in makes a run that is in a state that isn't final, by the way that leads there.
func (b *testBundle) in(t *testing.T, hands *run.Hands, state enum.RunState) *ent.Run {
	t.Helper()
	_, r := b.send(t, conversation.SendInput{Text: "hello"})
	if state == enum.RunQueued {
		return r
	}
	if state == enum.RunPaused {
		_, err := b.engine.Pause(b.ctx, r.ID)
		require.NoError(t, err)
	} else {
		c, err := hands.Claim(r.ID)
		require.NoError(t, err)
		switch state {
		case enum.RunRunning:
			require.NoError(t, hands.Step(c))
		case enum.RunWaitingForApproval:
			require.NoError(t, hands.AskLeave(c))
		case enum.RunWaitingForAgents:
			require.NoError(t, hands.AskCrew(c))
		default:
			require.NoError(t, hands.Ask(c))
		}
	}
	r, err := b.db.Ent.Run.Get(b.ctx, r.ID)
	require.NoError(t, err)
	require.Equal(t, state, r.State)
	return r
}

var unended = []enum.RunState{enum.RunQueued, enum.RunRunning, enum.RunPaused, enum.RunWaitingForApproval, enum.RunWaitingForInput, enum.RunWaitingForAgents}

func TestEveryStateHasATimeAndAnOutcome(t *testing.T) {
	t.Parallel()
	outcomes := map[enum.RunState]struct {
		state enum.RunState
		words string
	}{
		enum.RunQueued:             {enum.RunCancelled, "for its turn"},
		enum.RunRunning:            {enum.RunFailed, "ran longer than"},
		enum.RunPaused:             {enum.RunCancelled, "nobody let it go on"},
		enum.RunWaitingForApproval: {enum.RunCancelled, "for an answer"},
		enum.RunWaitingForInput:    {enum.RunCancelled, "for an answer"},
		enum.RunWaitingForAgents:   {enum.RunCancelled, "for other agents"},
	}
	eachIdle(t, func(t *testing.T, b *testBundle) {
		hands := run.ByHand(b.engine)
		for i, state := range unended {
			r := b.in(t, hands, state)
			var now int64
			require.NoError(t, b.db.SQL.QueryRow("SELECT "+store.NowMillis(b.db.Dialect)).Scan(&now))
			require.Greater(t, r.DeadlineAt, now, state)
			b.change(t, r.ID, func(u *ent.RunUpdateOne) { u.SetDeadlineAt(1) })
			require.NoError(t, hands.Sweep())
			r, err := b.db.Ent.Run.Get(b.ctx, r.ID)
			require.NoError(t, err)
			require.Equal(t, outcomes[state].state, r.State, state)
			require.Contains(t, r.Error, outcomes[state].words)
			require.EqualValues(t, i+1, hands.Stats().Overdue)
		}
	})
}

func TestTheCheckerRepairsWhatNothingWouldEverFind(t *testing.T) {
	t.Parallel()
	eachIdle(t, func(t *testing.T, b *testBundle) {
		hands := run.ByHand(b.engine)
		repairs := int64(0)
		for _, state := range unended {
			worked := state == enum.RunQueued || state == enum.RunRunning
			for name, harm := range map[string]func(*ent.RunUpdateOne){
				"nothing at all": func(u *ent.RunUpdateOne) { u.SetDeadlineAt(0).SetLeaseUntil(0) },
				"no deadline":    func(u *ent.RunUpdateOne) { u.SetDeadlineAt(0) },
				"no grace":       func(u *ent.RunUpdateOne) { u.SetLeaseUntil(0) },
				"a lost owner":   func(u *ent.RunUpdateOne) { u.SetLeaseOwner("wrk_gone").SetLeaseUntil(0) },
				"a lost step":    func(u *ent.RunUpdateOne) { u.SetStepUntil(1) },
			} {
				r := b.in(t, hands, state)
				b.change(t, r.ID, harm)
				require.NoError(t, hands.Sweep())
				if name != "no grace" || worked { // which only work needs
					repairs++
				}
				require.Equal(t, repairs, hands.Stats().Repairs, "%s: %s", state, name)
				require.NoError(t, hands.Sweep())
				require.Equal(t, repairs, hands.Stats().Repairs, "%s: %s: it was repaired", state, name)

				r, err := b.db.Ent.Run.Get(b.ctx, r.ID)
				require.NoError(t, err)
				require.Equal(t, state, r.State)
				require.Positive(t, r.DeadlineAt)
				require.Equal(t, worked, r.LeaseUntil > 0)
				if state == enum.RunRunning && name == "a lost owner" {
					b.change(t, r.ID, func(u *ent.RunUpdateOne) { u.SetLeaseUntil(1) }) // which a silent worker's is
					require.NoError(t, hands.Sweep())
				}
				if worked {
					c, err := hands.Claim(r.ID)
					require.NoError(t, err)
					require.NotNil(t, c, "%s: %s", state, name)
					require.NoError(t, hands.Finish(c, true))
					continue
				}
				require.Empty(t, r.LeaseOwner)
				require.Zero(t, r.StepUntil)
				_, err = b.engine.Cancel(b.ctx, r.ID)
				require.NoError(t, err)
			}
		}
	})
}

// A version before this one wrote the last answer and the end of its run apart.
func TestARunThatHasItsLastAnswerOnlyEnds(t *testing.T) {
	t.Parallel()
	for name, steered := range map[string]bool{"alone": false, "with a message that came after it": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachIdle(t, func(t *testing.T, b *testBundle) {
				hands := run.ByHand(b.engine)
				m, r := b.send(t, conversation.SendInput{Text: "hello"})
				c, err := hands.Claim(r.ID)
				require.NoError(t, err)
				require.NoError(t, hands.Step(c))
				unchecked := storetest.Unchecked(context.Background())
				conv, err := b.db.Ent.Conversation.UpdateOneID(m.ConversationID).AddNextPosition(1).Save(unchecked)
				require.NoError(t, err)
				require.NoError(t, b.db.Ent.Message.Create().SetConversationID(conv.ID).SetProjectID(conv.ProjectID).SetRunID(r.ID).
					SetAgentID(r.AgentID).SetRole(enum.RoleAssistant).SetStatus(enum.MessageComplete).SetText("done").
					SetPosition(conv.NextPosition-1).SetStep(1).SetCompletedAt(store.Now()).Exec(unchecked))
				if steered {
					b.model.Add(llmtest.Reply{llmtest.Say("that too")})
					_, same := b.send(t, conversation.SendInput{ConversationID: conv.ID, Text: "and this", WhileBusy: conversation.Steer})
					require.Equal(t, r.ID, same.ID)
				}
				b.start(t, run.Options{})
				require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
				require.Len(t, b.answers(t, r.ID), 1)
				if !steered {
					require.Empty(t, b.model.Requests())
					return
				}
				late, err := b.db.Ent.Run.Query().Order(ent.Desc("id")).First(b.ctx)
				require.NoError(t, err)
				require.NotEqual(t, r.ID, late.ID)
				require.Equal(t, enum.RunSucceeded, b.await(t, late.ID).State)
				require.Equal(t, []string{"user: hello", "assistant: done", "user: and this"}, b.asked(1))
			})
		})
	}
}
