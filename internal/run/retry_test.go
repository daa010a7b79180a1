package run_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/agent/tools"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/store"
)

// A person who tries again what another run gave would have it done where nobody waits for
// it: what would be right is said instead.
func TestWhatAnotherRunGaveIsNotRetriedByItself(t *testing.T) {
	t.Parallel()
	eachIdle(t, func(t *testing.T, b *testBundle) {
		hands := run.ByHand(b.engine)
		top, call := b.waiting(t, hands, enum.RunWaitingForAgents)
		task := b.taskOf(t, "tsk_a", top, "engineer", "Build")
		require.NoError(t, b.db.InTx(b.ctx, func(ctx context.Context, tx *store.Tx) error {
			return b.engine.Ask(ctx, tx, tools.Env{RunID: top.ID, CallID: call.ID}, "architect", "Which way?")
		}))
		for _, c := range []struct {
			run  *ent.Run
			says string
		}{
			{task, "works on task tsk_a: begin that again with startTask"},
			{b.child(t, top.ID), "another agent gave it its work"},
		} {
			held, err := hands.Claim(c.run.ID)
			require.NoError(t, err)
			require.NoError(t, hands.Finish(held, false))
			_, err = b.engine.Retry(b.ctx, run.RetryInput{RunID: c.run.ID})
			require.True(t, problem.Is(err, problem.Conflict), "%v", err)
			require.ErrorContains(t, err, c.says)
		}
		n, err := b.db.Ent.Run.Query().Count(b.ctx)
		require.NoError(t, err)
		require.Equal(t, 3, n)
	})
}
