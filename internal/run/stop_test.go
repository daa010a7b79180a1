package run_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/command"
	"github.com/zeblit/zeblit/internal/conversation"
	"github.com/zeblit/zeblit/internal/run"
)

// stubborn has commands that go on for a while after they were cut.
type stubborn struct {
	*commands
	began, cut, may chan struct{}
}

func (s stubborn) RunFor(ctx context.Context, _ command.Call, _ command.Input) (*ent.Command, error) {
	close(s.began)
	<-ctx.Done()
	close(s.cut)
	<-s.may
	return nil, ctx.Err()
}

// comes waits until c is closed.
func comes(t *testing.T, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(time.Minute):
		require.Fail(t, "nothing came")
	}
}

func TestAWorkerThatStopsRenewsItsLeasesUntilItsStepsHaveEnded(t *testing.T) {
	t.Parallel()
	eachIdle(t, func(t *testing.T, b *testBundle) {
		b.model.Add(shellCall("true"))
		shell := stubborn{&commands{}, make(chan struct{}), make(chan struct{}), make(chan struct{})}
		stop := b.start(t, run.Options{Drain: -1, Commands: shell})
		goOn := sync.OnceFunc(func() { close(shell.may) })
		t.Cleanup(goOn)
		_, r := b.send(t, conversation.SendInput{Agent: "engineer", Text: "hello"})
		comes(t, shell.began)
		var stopped sync.WaitGroup
		stopped.Go(stop)
		comes(t, shell.cut)
		b.change(t, r.ID, func(u *ent.RunUpdateOne) { u.SetLeaseUntil(1) })
		require.Eventually(t, func() bool { return b.leaseUntil(t, r.ID) > 1 }, time.Minute, 20*time.Millisecond)
		goOn()
		stopped.Wait()
		r, err := b.db.Ent.Run.Get(b.ctx, r.ID)
		require.NoError(t, err)
		require.Equal(t, enum.RunRunning, r.State)
		require.Empty(t, r.LeaseOwner, "the run was handed over")
	})
}
