package stream_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/stream"
)

func TestNumbersHaveNoGapsUnderConcurrentAppends(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		_, other := b.newProject(t, "Other")
		events := b.subscribe(t, 0, nil)
		const writers, each = 20, 5
		var work sync.WaitGroup
		errs := make(chan error, writers*each)
		for w := range writers {
			work.Go(func() {
				for i := range each {
					errs <- db.InTx(t.Context(), func(_ context.Context, tx *store.Tx) error {
						// In either order: what is locked first doesn't depend on it.
						handles := []access.StreamHandle{b.handle, other}
						b.log.Append(tx, handles[w%2], draft(fmt.Sprint(w, i)))
						b.log.Append(tx, handles[1-w%2], draft(fmt.Sprint(w, i)), draft("second"))
						return nil
					})
				}
			})
		}
		work.Wait()
		close(errs)
		for err := range errs {
			require.NoError(t, err)
		}
		all := b.all(t, b.handle)
		require.Len(t, all, writers*each*3/2)
		require.Len(t, b.all(t, other), writers*each*3/2)
		require.Equal(t, encoded(t, all), encoded(t, take(t, events, len(all))))
	})
}

func TestRollbackLeavesNoGapAndPublishesNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		events := b.subscribe(t, stream.FromNow, nil)
		b.fill(t, 2)
		refused := errors.New("refused")
		err := db.InTx(t.Context(), func(_ context.Context, tx *store.Tx) error {
			b.log.Append(tx, b.handle, draft("lost"))
			tx.BeforeCommit(func(context.Context) error { return refused }) // after the log's own hook
			return nil
		})
		require.ErrorIs(t, err, refused)
		b.fill(t, 1)
		all := b.all(t, b.handle)
		require.Len(t, all, 3)
		require.Equal(t, encoded(t, all), encoded(t, take(t, events, 3)))
		requireNothing(t, events)
		head, horizon, err := b.log.Head(t.Context(), b.handle)
		require.NoError(t, err)
		require.EqualValues(t, 3, head)
		require.Zero(t, horizon)
	})
}

func TestEventsArePublishedWhenTheyAreCommitted(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		var announced []stream.Event
		cancel := b.carrier.Subscribe(b.project.ID, func(e stream.Event) {
			stored, err := b.log.Read(t.Context(), b.handle, e.Seq-1, 1)
			require.NoError(t, err)
			require.Equal(t, encoded(t, []stream.Event{e}), encoded(t, stored))
			announced = append(announced, e)
		}, func() {})
		defer cancel()
		b.fill(t, 2)
		require.NoError(t, b.append(t.Context(), b.handle, draft("a"), draft("b")))
		require.Equal(t, encoded(t, b.all(t, b.handle)), encoded(t, announced))
		stats := b.log.Stats()
		require.EqualValues(t, 3, stats.Batches)
		require.EqualValues(t, 4, stats.Events)
		require.Positive(t, stats.Time)
	})
}

func TestAppendIsRefused(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		reader, err := access.StreamReader(access.WithViewer(t.Context(), b.viewer), db.Ent, b.project.ID)
		require.NoError(t, err)
		require.Error(t, b.append(t.Context(), reader, draft("a")))
		require.Error(t, b.append(t.Context(), access.StreamHandle{}, draft("a")))
		require.Error(t, b.append(t.Context(), b.handle, draft(strings.Repeat("x", 61<<10))))
		require.Empty(t, b.all(t, b.handle))
		_, err = b.log.Read(t.Context(), access.StreamHandle{}, 0, 1)
		require.Error(t, err)

		ctx := storetest.Unchecked(t.Context())
		_, err = db.Ent.Stream.Delete().Exec(ctx)
		require.NoError(t, err)
		require.True(t, problem.Is(b.append(t.Context(), b.handle, draft("a")), problem.NotFound))
	})
}

func TestLargeSnapshotKeepsTheIDAlone(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		m := &ent.Message{ID: "msg_1", Text: strings.Repeat("x", 61<<10)}
		require.NoError(t, b.append(t.Context(), b.handle, stream.Draft{
			Type: enum.EventMessageAdded, Payload: stream.MessagePayload{V: 1, Message: m, Actor: &stream.Actor{UserID: "usr_1"}},
		}))
		e := b.all(t, b.handle)[0]
		require.Equal(t, `{"v":1,"id":"msg_1","actor":{"user_id":"usr_1"}}`, string(e.Payload))
		var p stream.MessagePayload
		require.NoError(t, json.Unmarshal(e.Payload, &p))
		require.Equal(t, "msg_1", p.ID)
		require.Nil(t, p.Message)
		actor, err := stream.ActorOf(e)
		require.NoError(t, err)
		require.Equal(t, "usr_1", actor.UserID)
	})
}

func TestCursor(t *testing.T) {
	t.Parallel()
	for _, seq := range []int64{0, 1, 127, 128, 1 << 40} {
		got, err := stream.ParseCursor("prj_a", stream.CursorAt("prj_a", seq))
		require.NoError(t, err)
		require.Equal(t, seq, got)
	}
	got, err := stream.ParseCursor("prj_a", "start")
	require.NoError(t, err)
	require.Zero(t, got)
	good := stream.CursorAt("prj_a", 5)
	for _, bad := range []string{"", "Start", "5", good + "=", good + "A", good + "\n", good[:len(good)-1], stream.CursorAt("prj_b", 5)} {
		_, err := stream.ParseCursor("prj_a", bad)
		p := problem.As(err)
		require.NotNil(t, p, bad)
		require.Equal(t, problem.BadInput, p.Code)
		require.Equal(t, "after", p.Field)
	}
}

func FuzzParseCursor(f *testing.F) {
	f.Add("start")
	f.Add(stream.CursorAt("prj_a", 300))
	f.Fuzz(func(t *testing.T, cursor string) {
		seq, err := stream.ParseCursor("prj_a", cursor)
		if err == nil && cursor != "start" {
			require.Equal(t, cursor, stream.CursorAt("prj_a", seq))
		}
	})
}
