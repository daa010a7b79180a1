package stream

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/access"
)

// TestALookThatHangsIsGivenUp has the query for where the logs end hang.
func TestALookThatHangsIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		calls := make(chan context.Context, 100)
		h := &heads{
			carrier: &mood{}, logger: slog.New(slog.DiscardHandler), wake: make(chan struct{}, 1), projects: map[string]*watched{},
			read: func(ctx context.Context, _ []string) (map[string]position, error) {
				calls <- ctx
				if len(calls) == 1 {
					<-ctx.Done()
					return nil, ctx.Err()
				}
				return map[string]position{"prj_a": {head: 7}}, nil
			},
		}
		b := &sight{}
		_, leave := h.watch("prj_a", b)
		defer leave()
		time.Sleep(quiet + readTimeout + 2*unsure)
		synctest.Wait()
		require.EqualValues(t, 7, b.take().head)
	})
}

// panicking is a log whose first read panics.
type panicking struct {
	*shelf
	enter, proceed chan struct{}
	times          int
}

func (p *panicking) Head(ctx context.Context, h access.StreamHandle) (head, horizon int64, err error) {
	if p.times++; p.times == 1 {
		close(p.enter)
		<-p.proceed
		panic("a driver's")
	}
	return p.shelf.Head(ctx, h)
}

// TestAReadThatPanicsKeepsNobodyWaiting has readers wait for one whose read panics.
func TestAReadThatPanicsKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, _, hub, handle := newFixture(t)
		s.append(3)
		p := &panicking{shelf: s, enter: make(chan struct{}), proceed: make(chan struct{})}
		hub.source = p
		ended := make(chan error, 2)
		begin := func() {
			r, err := hub.Follow(t.Context(), handle, 0)
			if err == nil {
				r.Close()
			}
			ended <- err
		}
		go begin()
		<-p.enter
		go begin()
		synctest.Wait()
		close(p.proceed)
		require.ErrorContains(t, <-ended, "panic: a driver's")
		require.NoError(t, <-ended)
		time.Sleep(2 * grace)
	})
}
