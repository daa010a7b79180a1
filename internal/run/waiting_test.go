package run_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/toolcall"
	"github.com/zeblit/zeblit/internal/conversation"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/stream"
)

// waiting is a run whose call waits for somebody.
func (b *testBundle) waiting(t *testing.T, hands *run.Hands, state enum.RunState) (*ent.Run, *ent.ToolCall) {
	t.Helper()
	m, r := b.send(t, conversation.SendInput{Text: "hello"})
	unchecked := storetest.Unchecked(context.Background())
	call, err := b.db.Ent.ToolCall.Create().SetProjectID(r.ProjectID).SetRunID(r.ID).SetMessageID(m.ID).SetPosition(0).
		SetCallID("c").SetName("ask").SetInput("{}").SetState(enum.ToolCallRunning).Save(unchecked)
	require.NoError(t, err)
	c, err := hands.Claim(r.ID)
	require.NoError(t, err)
	require.NoError(t, hands.Wait(c, call, state))
	r, err = b.db.Ent.Run.Get(b.ctx, r.ID)
	require.NoError(t, err)
	require.Equal(t, state, r.State)
	require.Empty(t, r.LeaseOwner, "waiting costs no worker")
	return r, call
}

func TestACallThatWaitsIsClosedOnce(t *testing.T) {
	t.Parallel()
	eachIdle(t, func(t *testing.T, b *testBundle) {
		hands := run.ByHand(b.engine)
		for _, state := range []enum.RunState{enum.RunWaitingForApproval, enum.RunWaitingForInput, enum.RunWaitingForAgents} {
			for name, letGoOn := range map[string]func(context.Context, *store.Tx, string) (bool, error){
				"answer": func(ctx context.Context, tx *store.Tx, id string) (bool, error) {
					return b.engine.Answer(ctx, tx, id, enum.ToolCallDone, "yes", stream.Actor{UserID: b.owner.UserID})
				},
				"release": func(ctx context.Context, tx *store.Tx, id string) (bool, error) {
					return b.engine.Release(ctx, tx, id, stream.Actor{UserID: b.owner.UserID})
				},
			} {
				r, call := b.waiting(t, hands, state)
				c, err := hands.Claim(r.ID)
				require.NoError(t, err)
				require.Nil(t, c, "nobody works on a run that waits")
				for _, first := range []bool{true, false} {
					require.NoError(t, b.db.InTx(b.ctx, func(ctx context.Context, tx *store.Tx) error {
						was, err := letGoOn(ctx, tx, call.ID)
						require.Equal(t, first, was, name)
						return err
					}))
				}
				call, err = b.db.Ent.ToolCall.Get(b.ctx, call.ID)
				require.NoError(t, err)
				require.Equal(t, map[string]enum.ToolCallState{"answer": enum.ToolCallDone, "release": enum.ToolCallPlanned}[name], call.State)
				c, err = hands.Claim(r.ID)
				require.NoError(t, err)
				require.NotNil(t, c)
				require.NoError(t, hands.Finish(c, true))
			}
		}
	})
}

func TestWhatIsSaidToARunThatWaitsForOthersWakesIt(t *testing.T) {
	t.Parallel()
	eachIdle(t, func(t *testing.T, b *testBundle) {
		r, call := b.waiting(t, run.ByHand(b.engine), enum.RunWaitingForAgents)
		_, same := b.send(t, conversation.SendInput{ConversationID: r.ConversationID, Text: "stop that", WhileBusy: conversation.Steer})
		require.Equal(t, r.ID, same.ID)
		require.Equal(t, enum.RunQueued, same.State)
		call, err := b.db.Ent.ToolCall.Get(b.ctx, call.ID)
		require.NoError(t, err)
		require.Equal(t, enum.ToolCallDone, call.State)
		require.Contains(t, call.Output, "said something")
	})
}

func TestARunThatEndsWithoutSuccessEndsThoseBelowIt(t *testing.T) {
	t.Parallel()
	eachIdle(t, func(t *testing.T, b *testBundle) {
		hands := run.ByHand(b.engine)
		for _, how := range []string{"cancelled", "failed"} {
			parent, call := b.waiting(t, hands, enum.RunWaitingForAgents)
			child := b.below(t, parent)
			grandchild := b.below(t, child)
			require.Equal(t, 2, grandchild.Depth)
			held, err := hands.Claim(grandchild.ID)
			require.NoError(t, err)
			require.NotNil(t, held)
			if how == "cancelled" {
				_, err = b.engine.Cancel(b.ctx, parent.ID)
				require.NoError(t, err)
			} else {
				b.change(t, grandchild.ID, func(u *ent.RunUpdateOne) { u.SetLeaseUntil(time.Now().Add(time.Hour).UnixMilli()) })
				b.change(t, parent.ID, func(u *ent.RunUpdateOne) { u.SetDeadlineAt(1) })
				require.NoError(t, hands.Sweep())
			}
			child, err = b.db.Ent.Run.Get(b.ctx, child.ID)
			require.NoError(t, err)
			require.Equal(t, enum.RunCancelled, child.State, how)
			grandchild, err = b.db.Ent.Run.Get(b.ctx, grandchild.ID)
			require.NoError(t, err)
			require.True(t, grandchild.CancelRequested, "its worker is told")
			require.NoError(t, hands.Obey(held, true))
			open, err := b.db.Ent.ToolCall.Query().Where(toolcall.ID(call.ID), toolcall.StateEQ(enum.ToolCallInterrupted)).Count(b.ctx)
			require.NoError(t, err)
			require.Equal(t, 1, open)
		}
	})
}

// below starts a run in a conversation of its own, whose work r's agent gave.
func (b *testBundle) below(t *testing.T, r *ent.Run) *ent.Run {
	t.Helper()
	m, first := b.send(t, conversation.SendInput{Text: "a task"})
	_, err := b.engine.Cancel(b.ctx, first.ID)
	require.NoError(t, err)
	var child *ent.Run
	require.NoError(t, b.db.InTx(b.ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		child, err = b.engine.Start(ctx, tx, run.Order{
			ProjectID: r.ProjectID, ConversationID: m.ConversationID, AgentID: r.AgentID, MessageID: m.ID, UserID: r.UserID, Parent: r,
		})
		return err
	}))
	return child
}
