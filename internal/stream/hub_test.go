package stream_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/stream"
)

func TestResumeAtEveryPointEqualsReplay(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		live := b.subscribe(t, 0, nil)
		b.fill(t, 20)
		whole := take(t, live, 20)
		for cut := range 20 {
			after := int64(0)
			if cut > 0 {
				var err error
				after, err = stream.ParseCursor(b.project.ID, whole[cut-1].Cursor())
				require.NoError(t, err)
			}
			events := b.subscribe(t, after, nil)
			require.Equal(t, encoded(t, whole[cut:]), encoded(t, take(t, events, 20-cut)))
		}
	})
}

func TestSubscribeWhileEventsAreWritten(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		done := make(chan error, 1)
		go func() {
			for i := range 100 {
				if err := b.append(context.Background(), b.handle, draft(fmt.Sprint(i))); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
		var subs []<-chan stream.Event
		for range 5 {
			subs = append(subs, b.subscribe(t, 0, nil))
			time.Sleep(5 * time.Millisecond)
		}
		require.NoError(t, <-done)
		want := encoded(t, b.all(t, b.handle))
		for _, s := range subs {
			require.Equal(t, want, encoded(t, take(t, s, 100)))
			requireNothing(t, s)
		}
	})
}

func TestHealsWhatTheCarrierDoes(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		events := b.subscribe(t, stream.FromNow, nil)
		b.fill(t, 2)
		b.carrier.lose.Store(true)
		b.fill(t, 3)
		b.carrier.lose.Store(false)
		b.carrier.twice.Store(true)
		b.fill(t, 2) // the first shows the gap
		b.carrier.reverse.Store(true)
		require.NoError(t, b.append(t.Context(), b.handle, draft("a"), draft("b"), draft("c")))
		b.carrier.lose.Store(true)
		b.fill(t, 2) // nothing comes to show that these were lost
		require.Equal(t, encoded(t, b.all(t, b.handle)), encoded(t, take(t, events, 12)))
		requireNothing(t, events)
	})
}

// chatter repeats an old event until the test ends: to the hub, something comes all
// the time.
func (b *bundle) chatter(t *testing.T) {
	t.Helper()
	old := b.all(t, b.handle)[:1]
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			_ = b.carrier.Carrier.Publish(ctx, old)
			time.Sleep(time.Millisecond)
		}
	}()
	t.Cleanup(func() {
		stop()
		<-done
	})
}

func TestUnhealthyCarrierIsNotTrusted(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		b.fill(t, 1)
		events := b.subscribe(t, 0, nil)
		b.chatter(t)
		b.carrier.sick.Store(true)
		b.carrier.lose.Store(true)
		for seq := int64(1); seq <= 3; seq++ {
			require.Equal(t, seq, take(t, events, 1)[0].Seq)
			b.fill(t, 1)
		}
	})
}

func TestGapIsHealedAtOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		b.fill(t, 1)
		begun := time.Now()
		one, two := b.subscribe(t, 0, nil), b.subscribe(t, 1, nil)
		take(t, one, 1)
		b.chatter(t)
		b.carrier.lose.Store(true)
		b.fill(t, 3)
		if time.Since(begun) < 400*time.Millisecond { // on a slow machine the look at the heads may have found it by now
			requireNothing(t, one)
		}
		b.carrier.Gap(b.project.ID)
		require.Equal(t, encoded(t, b.all(t, b.handle)[1:]), encoded(t, take(t, one, 3)))
		require.Equal(t, encoded(t, b.all(t, b.handle)[1:]), encoded(t, take(t, two, 3)))
		b.carrier.lose.Store(false)
		b.fill(t, 1)
		require.EqualValues(t, 5, take(t, one, 1)[0].Seq)
	})
}

func TestDatabaseThatWasSetBack(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		b.fill(t, 5)
		events := b.subscribe(t, stream.FromNow, nil)
		_, err := db.SQL.Exec("DELETE FROM events WHERE seq > 2")
		require.NoError(t, err)
		_, err = db.SQL.Exec("UPDATE streams SET head = 2 WHERE id = $1", b.project.ID)
		require.NoError(t, err)
		reset := take(t, events, 1)[0]
		require.Equal(t, enum.EventStreamReset, reset.Type)
		require.EqualValues(t, 2, reset.Seq)
		b.fill(t, 1)
		require.EqualValues(t, 3, take(t, events, 1)[0].Seq)
	})
}

func TestSlowConsumerIsServedFromTheLog(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		slow := b.subscribe(t, stream.FromNow, nil)
		fast := b.subscribe(t, stream.FromNow, nil)
		var drafts []stream.Draft
		for i := range 100 {
			drafts = append(drafts, draft(fmt.Sprint(i)))
		}
		for range 8 { // far more than the inbox and the channel hold
			require.NoError(t, b.append(t.Context(), b.handle, drafts...))
			take(t, fast, 100)
		}
		require.Equal(t, encoded(t, b.all(t, b.handle)), encoded(t, take(t, slow, 800)))
	})
}

func TestKeepFilters(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		odd := func(e stream.Event) bool { return e.Seq%2 == 1 }
		b.fill(t, 4)
		events := b.subscribe(t, 0, odd)
		b.fill(t, 4)
		var seqs []int64
		for _, e := range take(t, events, 4) {
			seqs = append(seqs, e.Seq)
		}
		require.Equal(t, []int64{1, 3, 5, 7}, seqs)
		requireNothing(t, events)
	})
}

func TestResetWhereTheLogCannotGoOn(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		b.fill(t, 6)
		_, err := db.SQL.Exec("UPDATE streams SET horizon = 3 WHERE id = $1", b.project.ID)
		require.NoError(t, err)
		_, err = db.SQL.Exec("DELETE FROM events WHERE seq <= 3")
		require.NoError(t, err)

		nothing := func(stream.Event) bool { return false }
		for _, after := range []int64{0, 2, 7, 1 << 50} {
			events := b.subscribe(t, after, nothing)
			reset := take(t, events, 1)[0]
			require.Equal(t, enum.EventStreamReset, reset.Type)
			require.EqualValues(t, 6, reset.Seq)
			require.Equal(t, stream.CursorAt(b.project.ID, 6), reset.Cursor())
			requireNothing(t, events)
		}
		whole := b.subscribe(t, 3, nil)
		require.EqualValues(t, 4, take(t, whole, 3)[0].Seq)
		after := b.subscribe(t, 1, nil)
		b.fill(t, 1)
		got := take(t, after, 2)
		require.Equal(t, enum.EventStreamReset, got[0].Type)
		require.EqualValues(t, 7, got[1].Seq)
	})
}

func TestSubscriptionEnds(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		b.fill(t, 200)
		ctx, cancel := context.WithCancel(t.Context())
		events, err := b.hub.Subscribe(ctx, b.handle, 0, nil)
		require.NoError(t, err)
		take(t, events, 1)
		cancel() // with a full channel
		require.Eventually(t, func() bool {
			for {
				select {
				case _, ok := <-events:
					if !ok {
						return true
					}
				default:
					return false
				}
			}
		}, time.Minute, time.Millisecond)

		gone := b.subscribe(t, stream.FromNow, nil)
		_, err = db.Ent.Stream.Delete().Exec(storetest.Unchecked(t.Context()))
		require.NoError(t, err)
		_, open := <-gone
		require.False(t, open)
		_, err = b.hub.Subscribe(t.Context(), b.handle, 0, nil)
		require.True(t, problem.Is(err, problem.NotFound))
	})
}
