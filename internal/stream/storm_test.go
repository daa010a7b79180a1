package stream_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/stream"
)

// storm is how many readers resume at once.
const storm = 2000

func eventually(t *testing.T, is func() bool) {
	t.Helper()
	require.Eventually(t, is, time.Minute, time.Millisecond)
}

// resume has all readers begin at once behind number after, and read up to number upTo.
// What they return is in the group.
func (b *bundle) resume(t *testing.T, readers int, after, upTo int64) *errgroup.Group {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	var all errgroup.Group
	for range readers {
		all.Go(func() error {
			r, err := b.hub.Follow(ctx, b.handle, after)
			if err != nil {
				return err
			}
			defer r.Close()
			for next := after + 1; next <= upTo; {
				events, err := r.Next(ctx)
				if err != nil {
					return err
				}
				for _, e := range events {
					if e.Seq != next {
						return fmt.Errorf("event %d instead of %d", e.Seq, next)
					}
					next++
				}
			}
			return nil
		})
	}
	return &all
}

func TestReadersThatResumeAtOnePlaceShareEveryRead(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		drafts := make([]stream.Draft, 300)
		for i := range drafts {
			drafts[i] = draft(fmt.Sprint(i))
		}
		require.NoError(t, b.append(t.Context(), b.handle, drafts...))
		heads, pages := stream.HoldReads(b.hub)
		all := b.resume(t, storm, 10, 301)
		eventually(t, func() bool { return b.hub.Stats().Readers == storm })
		close(heads)
		for n := range int64(3) { // three pages, each for everybody
			eventually(t, func() bool { return b.hub.Stats().PagesShared == (n+1)*(storm-1) })
			pages <- struct{}{}
		}
		close(pages)
		eventually(t, func() bool { return b.hub.Stats().PagesRead == 3 })
		require.NoError(t, b.append(t.Context(), b.handle, draft("live")))
		require.NoError(t, all.Wait())
		stats := b.hub.Stats()
		require.EqualValues(t, 3, stats.PagesRead)
		require.LessOrEqual(t, stats.HeadsRead, int64(20), "%+v", stats)
		require.LessOrEqual(t, stats.RingHits, int64(storm))
		require.Zero(t, stats.Readers)
		t.Logf("%d readers: %+v", storm, stats)
	})
}
