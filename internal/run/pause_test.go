package run_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
)

func TestACrewIsPausedAsOne(t *testing.T) {
	t.Parallel()
	eachIdle(t, func(t *testing.T, b *testBundle) {
		hands := run.ByHand(b.engine)
		top, call := b.waiting(t, hands, enum.RunWaitingForAgents)
		waits, works := b.task(t, top, "engineer", "Wait"), b.task(t, top, "architect", "Work")
		below := b.task(t, works, "engineer", "Help")
		c, err := hands.Claim(works.ID)
		require.NoError(t, err)
		stands := func(r *ent.Run, state enum.RunState, flagged bool) {
			t.Helper()
			now, err := b.db.Ent.Run.Get(b.ctx, r.ID)
			require.NoError(t, err)
			require.Equal(t, state, now.State)
			require.Equal(t, flagged, now.PauseRequested)
		}
		for range 2 { // once more changes nothing
			_, err = b.engine.Pause(b.ctx, top.ID)
			require.NoError(t, err)
			stands(top, enum.RunWaitingForAgents, true)
			stands(waits, enum.RunPaused, false)
			stands(works, enum.RunRunning, true)
			stands(below, enum.RunPaused, false)
		}
		require.NoError(t, hands.Obey(c, false))
		stands(works, enum.RunPaused, false)

		require.NoError(t, b.db.InTx(b.ctx, func(ctx context.Context, tx *store.Tx) error {
			_, err := b.engine.Answer(ctx, tx, call.ID, enum.ToolCallDone, "all is done", stream.Actor{UserID: b.owner.UserID})
			return err
		}))
		stands(top, enum.RunQueued, true)
		none, err := hands.Claim(top.ID)
		require.NoError(t, err)
		require.Nil(t, none)
		stands(top, enum.RunPaused, false)

		_, err = b.engine.Resume(b.ctx, top.ID)
		require.NoError(t, err)
		for _, r := range []*ent.Run{top, waits, works, below} {
			stands(r, enum.RunQueued, false)
		}
	})
}

func TestThatACrewIsToBePausedIsTakenBack(t *testing.T) {
	t.Parallel()
	eachIdle(t, func(t *testing.T, b *testBundle) {
		hands := run.ByHand(b.engine)
		for _, state := range []enum.RunState{enum.RunWaitingForApproval, enum.RunWaitingForInput, enum.RunWaitingForAgents} {
			top, _ := b.waiting(t, hands, state)
			child := b.task(t, top, "engineer", "Work")
			_, err := b.engine.Pause(b.ctx, top.ID)
			require.NoError(t, err)
			back, err := b.engine.Resume(b.ctx, top.ID)
			require.NoError(t, err)
			require.False(t, back.PauseRequested)
			require.Equal(t, state, back.State)
			child, err = b.db.Ent.Run.Get(b.ctx, child.ID)
			require.NoError(t, err)
			require.Equal(t, enum.RunQueued, child.State)
			again, err := b.engine.Resume(b.ctx, top.ID)
			require.NoError(t, err)
			require.Equal(t, back.Epoch, again.Epoch, "once more changes nothing")
		}
	})
}
