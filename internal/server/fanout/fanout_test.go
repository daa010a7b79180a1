package fanout_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/server/fanout"
	"github.com/zeblit/zeblit/internal/stream"
)

const unlimited = 1 << 20

// close ends what a test has begun.
func (h *house) close(clients ...*client) {
	for _, c := range clients {
		c.leave()
	}
	h.fanout.Wait()
}

func (h *house) requireAll(t *testing.T, clients ...*client) {
	t.Helper()
	synctest.Wait()
	for _, c := range clients {
		require.NoError(t, h.judge(c))
		require.False(t, c.slow)
	}
}

func TestManyWatchersAreOneExecutionForEachEvent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(fanout.Config{})
		h.append(slices.Repeat([]string{""}, 20)...)
		var all []*client
		for i := range 200 {
			all = append(all, h.join("ann", []int64{stream.FromNow, 5, 17}[i%3], unlimited))
		}
		synctest.Wait()
		h.append(slices.Repeat([]string{"", unwanted}, 50)...)
		h.requireAll(t, all...)
		stats := h.fanout.Stats()
		require.EqualValues(t, 1, stats.Groups)
		require.EqualValues(t, 200, stats.Members)
		require.Positive(t, stats.Reused)
		require.Zero(t, stats.Fallbacks)
		// The first to come are too few for much to be kept for them.
		require.LessOrEqual(t, stats.Executions, int64(10*15+50))
		for seq := 21; seq < 120; seq += 2 {
			require.Equal(t, 1, h.executed[fmt.Sprint(seq, " for all")])
		}
		h.close(all...)
		require.Zero(t, h.fanout.Stats().Members)
	})
}

func TestAnEventThatAsksForRightsIsExecutedOnceForEachViewer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(fanout.Config{})
		var all []*client
		for i := range 40 {
			all = append(all, h.join([]string{"ann", "bob"}[i%2], 0, unlimited))
		}
		synctest.Wait()
		h.append("", rights, "", panics, rights)
		h.requireAll(t, all...)
		for what, times := range h.executed {
			require.Equal(t, 1, times, what)
		}
		require.EqualValues(t, 6, h.fanout.Stats().Fallbacks)
		h.append("")
		h.requireAll(t, all...)
		h.close(all...)
	})
}

func TestWhatTheDatabaseIsNeededForWaitsUntilItIsBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(fanout.Config{})
		var all []*client
		for i := range 40 {
			all = append(all, h.join([]string{"ann", "bob"}[i%2], 0, unlimited))
		}
		synctest.Wait()
		h.append("", away, "", rightsAway, "")
		leaver := h.join("cy", 0, unlimited)
		leaver.leave() // waits for nothing
		time.Sleep(time.Second)
		h.requireAll(t, all...)
		require.Equal(t, 3, h.executed["2 for all"])
		require.Equal(t, 3, h.executed["4 for ann"])
		h.close(all...)
	})
}

func TestASubscriptionEndsWithAnEventThatCantBeTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(fanout.Config{})
		live := h.join("ann", 0, unlimited)
		h.append("", "")
		synctest.Wait()
		h.append("", fatal, "")
		behind := h.join("ann", 1, unlimited)
		synctest.Wait()
		for _, c := range []*client{live, behind} {
			require.Equal(t, " this can't be told", c.failure())
			require.Equal(t, `{"data":"3 for all"}`, c.seen()[len(c.seen())-1], "what was before is told")
		}
		require.Zero(t, h.fanout.Stats().Members)
		h.close(live, behind)
	})
}

func TestASlowMemberHoldsUpNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(fanout.Config{})
		slow, behind := h.join("ann", 0, 10), h.join("bob", 0, 10)
		var others []*client
		for range 50 {
			others = append(others, h.join("ann", 0, unlimited))
		}
		synctest.Wait()
		slow.stall(true)
		behind.stall(true)
		h.append("", "", "", "", "", "", "", "", "", "", "", "")
		h.requireAll(t, others...)
		require.True(t, slow.slow)
		require.EqualValues(t, 50, h.fanout.Stats().Members)

		// One that catches up is waited for.
		late := h.join("cy", 0, 10)
		late.stall(true)
		for range 20 {
			h.append("", "", "")
			synctest.Wait()
		}
		late.stall(false)
		h.requireAll(t, append(others, late)...)
		h.close(append(others, slow, behind, late)...)
	})
}

func TestTheGroupEndsWithItsLastMember(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(fanout.Config{})
		first, second := h.join("ann", stream.FromNow, unlimited), h.join("bob", stream.FromNow, unlimited)
		synctest.Wait()
		require.Equal(t, 1, h.open, "one reader for both")
		h.append("")
		first.leave() // the group was made for it
		h.append("")
		h.requireAll(t, second)
		second.leave()
		h.fanout.Wait()
		require.Zero(t, h.open)
		again := h.join("ann", 0, unlimited)
		h.requireAll(t, again)
		h.close(again)
	})
}

func TestMembersAreToldWhenTheProjectIsGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(fanout.Config{})
		live, behind := h.join("ann", 0, unlimited), h.join("bob", 0, unlimited)
		synctest.Wait()
		h.append("")
		behind.stall(true)
		synctest.Wait()
		h.change(func() { h.gone = true })
		synctest.Wait()
		for _, c := range []*client{live, behind} {
			require.Equal(t, "NOT_FOUND project not found", c.failure())
		}
		require.Zero(t, h.fanout.Stats().Groups)
		h.close(live, behind)
	})
}

func TestAGroupBeginsOnceTheLogCanBeRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(fanout.Config{})
		h.append("", "")
		c := h.join("ann", 1, unlimited)
		h.change(func() { h.broken = 3 })
		h.append("")
		time.Sleep(time.Second)
		h.requireAll(t, c)
		h.close(c)
	})
}

func TestWhoLosesTheRightIsToldSoAndOthersGoOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked, down atomic.Int32
		var revoked atomic.Value
		revoked.Store("")
		h := newHouse(fanout.Config{MayRead: func(_ context.Context, all []access.LogReader) (map[access.LogReader]bool, error) {
			if down.Load() > 0 {
				return nil, errors.New("the database is down")
			}
			allowed := map[access.LogReader]bool{}
			for _, one := range all {
				asked.Add(1)
				allowed[one] = one.UserID != revoked.Load()
			}
			return allowed, nil
		}})
		var ann, bob []*client
		for range 20 {
			ann = append(ann, h.join("ann", 0, unlimited))
			bob = append(bob, h.join("bob", 0, unlimited))
		}
		bob[0].stall(true)
		h.append("", rights)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.EqualValues(t, 2, asked.Load(), "once for each person")
		revoked.Store("bob")
		down.Store(1)
		time.Sleep(time.Minute)
		require.Empty(t, bob[1].failure(), "that nobody can tell says nothing")
		down.Store(0)
		time.Sleep(2 * time.Second)
		synctest.Wait() // the check is due at this very moment
		h.append("")
		h.requireAll(t, ann...)
		for _, c := range bob {
			require.Equal(t, "NOT_FOUND project not found", c.failure())
		}
		require.Len(t, bob[1].seen(), 2)
		require.EqualValues(t, 20, h.fanout.Stats().Members)
		h.close(append(ann, bob...)...)
	})
}

// TestAMemberReadsByItselfWhereItsGroupDoesNotBegin has the group's look for the log's end
// hang: who subscribes is told all the same, and is of the group once there is one.
func TestAMemberReadsByItselfWhereItsGroupDoesNotBegin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(fanout.Config{})
		h.append("", "", rights)
		proceed := make(chan struct{})
		h.hang = proceed
		all := []*client{h.join("ann", 0, unlimited), h.join("bob", 2, unlimited)}
		time.Sleep(time.Minute)
		h.requireAll(t, all...)
		h.append("", rights)
		h.requireAll(t, all...)
		require.Empty(t, all[0].joined, "it is on its own")
		close(proceed)
		synctest.Wait()
		h.append("", "")
		h.requireAll(t, all...)
		require.NotEmpty(t, all[0].joined)
		h.append("")
		h.requireAll(t, all...)
		h.close(all...)
	})
}
