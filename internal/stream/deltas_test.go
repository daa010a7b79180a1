package stream_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/stream"
)

func (b *bundle) deltas(t *testing.T) (d *stream.Deltas, stop func()) {
	t.Helper()
	d = stream.NewDeltas(b.log)
	stream.GiveUpAfter(d, 5*time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	ended := false
	stop = func() {
		if cancel(); !ended {
			ended = true
			require.NoError(t, <-done)
		}
	}
	t.Cleanup(stop)
	return d, stop
}

// writer appends a message's text as one run does.
type writer struct {
	*bundle
	deltas  *stream.Deltas
	run     *ent.Run
	message string
	offset  int
}

func (w *writer) write(t *testing.T, text string) error {
	t.Helper()
	err := w.deltas.Append(t.Context(), stream.Delta{
		Handle: w.handle, RunID: w.run.ID, Epoch: w.run.Epoch, MessageID: w.message, Offset: w.offset, Text: text,
	})
	w.offset += len(utf16.Encode([]rune(text)))
	return err
}

func (b *bundle) setEpoch(t *testing.T, r *ent.Run, epoch int64) {
	t.Helper()
	require.NoError(t, b.db.Ent.Run.UpdateOneID(r.ID).SetEpoch(epoch).Exec(storetest.Unchecked(t.Context())))
}

// text checks that a message's deltas follow each other, and gives their text.
func (b *bundle) text(t *testing.T, message string) (text string, events int) {
	t.Helper()
	offset := 0
	for _, e := range b.all(t, b.handle) {
		var p stream.DeltaPayload
		require.NoError(t, json.Unmarshal(e.Payload, &p))
		if p.MessageID != message {
			continue
		}
		require.Equal(t, enum.EventMessageDelta, e.Type)
		require.LessOrEqual(t, len(e.Payload), 60<<10)
		require.Equal(t, offset, p.Offset)
		offset += len(utf16.Encode([]rune(p.Text)))
		text += p.Text
		events++
	}
	return text, events
}

func TestDeltasAreJoinedAndKeepTheirText(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		d, _ := b.deltas(t)
		one := &writer{bundle: b, deltas: d, run: storetest.Run(t, db, b.project, enum.RunRunning), message: "msg_1"}
		two := &writer{bundle: b, deltas: d, run: storetest.Run(t, db, b.project, enum.RunRunning), message: "msg_2"}
		words := strings.SplitAfter(strings.Repeat("Grüße 🎈 an\n<alle> & \"jeden\" \u2028 ", 40), " ")
		for _, w := range words {
			require.NoError(t, one.write(t, w))
			require.NoError(t, two.write(t, "🎈"))
		}
		require.NoError(t, d.Flush(t.Context(), one.run.ID))
		require.NoError(t, d.Flush(t.Context(), two.run.ID))
		text, events := b.text(t, "msg_1")
		require.Equal(t, strings.Join(words, ""), text)
		require.Less(t, events, len(words)/2)
		text, _ = b.text(t, "msg_2")
		require.Equal(t, strings.Repeat("🎈", len(words)), text)
	})
}

func TestLargeDeltaIsSplit(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		d, _ := b.deltas(t)
		w := &writer{bundle: b, deltas: d, run: storetest.Run(t, db, b.project, enum.RunRunning), message: "msg_1"}
		long := strings.Repeat("a🎈\x01\"\u2028", 20_000)
		require.NoError(t, w.write(t, long))
		require.NoError(t, w.write(t, "end"))
		require.NoError(t, d.Flush(t.Context(), w.run.ID))
		text, events := b.text(t, "msg_1")
		require.True(t, text == long+"end")
		require.Greater(t, events, 1)
	})
}

func TestStaleEpochDropsOnlyItsOwn(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		stale := &writer{bundle: b, run: storetest.Run(t, db, b.project, enum.RunRunning), message: "msg_stale"}
		good := &writer{bundle: b, run: storetest.Run(t, db, b.project, enum.RunRunning), message: "msg_good"}
		b.setEpoch(t, stale.run, 7)
		d := stream.NewDeltas(b.log)
		stale.deltas, good.deltas = d, d
		require.NoError(t, stale.write(t, "lost"))
		require.NoError(t, good.write(t, "kept"))
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- d.Run(ctx) }()

		require.NoError(t, d.Flush(t.Context(), good.run.ID))
		require.ErrorIs(t, d.Flush(t.Context(), stale.run.ID), stream.ErrStale)
		require.ErrorIs(t, stale.write(t, "lost too"), stream.ErrStale)
		require.ErrorIs(t, d.Flush(t.Context(), stale.run.ID), stream.ErrStale)
		text, _ := b.text(t, "msg_good")
		require.Equal(t, "kept", text)
		_, events := b.text(t, "msg_stale")
		require.Zero(t, events)

		stale.run.Epoch, stale.offset = 7, 0 // this process claims it anew
		require.NoError(t, stale.write(t, "back"))
		require.NoError(t, d.Flush(t.Context(), stale.run.ID))
		text, _ = b.text(t, "msg_stale")
		require.Equal(t, "back", text)
		stop()
		require.NoError(t, <-done)
	})
}

func TestWhatWaitsIsWrittenAtTheEnd(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		d, stop := b.deltas(t)
		w := &writer{bundle: b, deltas: d, run: storetest.Run(t, db, b.project, enum.RunRunning), message: "msg_1"}
		require.NoError(t, w.write(t, "first "))
		require.NoError(t, w.write(t, "last"))
		stop()
		text, _ := b.text(t, "msg_1")
		require.Equal(t, "first last", text)
		require.ErrorIs(t, w.write(t, "late"), stream.ErrStopped)
		require.NoError(t, d.Flush(t.Context(), w.run.ID))
	})
}

func TestOneRunThatCannotBeWrittenTakesNoOtherWithIt(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		other, handle := b.newProject(t, "Gone")
		d := stream.NewDeltas(b.log)
		stream.GiveUpAfter(d, 5*time.Minute)
		good := &writer{bundle: b, deltas: d, run: storetest.Run(t, db, b.project, enum.RunRunning), message: "msg_1"}
		bad := storetest.Run(t, db, other, enum.RunRunning)
		began := time.Now()
		require.NoError(t, db.Ent.Stream.DeleteOneID(other.ID).Exec(storetest.Unchecked(t.Context())))
		lost := stream.Delta{Handle: handle, RunID: bad.ID, MessageID: "msg_2", Text: "lost"}
		require.NoError(t, d.Append(t.Context(), lost))
		require.NoError(t, good.write(t, "kept"))
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- d.Run(ctx) }()
		require.NoError(t, d.Flush(t.Context(), good.run.ID))
		require.Error(t, d.Flush(t.Context(), bad.ID))
		require.NoError(t, d.Flush(t.Context(), bad.ID), "it is told once")
		require.Less(t, time.Since(began), time.Minute, "the others waited for what is hopeless")
		stop()
		require.NoError(t, <-done)
	})
}

func TestAppendWaitsWhileTooMuchWaits(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	b := setup(t, db)
	d := stream.NewDeltas(b.log)
	w := &writer{bundle: b, deltas: d, run: storetest.Run(t, db, b.project, enum.RunRunning), message: "msg_1"}
	require.NoError(t, w.write(t, strings.Repeat("x", 4<<20)))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	more := stream.Delta{Handle: b.handle, RunID: w.run.ID, MessageID: "msg_1", Offset: w.offset, Text: "y"}
	require.ErrorIs(t, d.Append(ctx, more), context.DeadlineExceeded)
	run, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(run) }()
	require.NoError(t, w.write(t, "y"))
	require.NoError(t, d.Flush(t.Context(), w.run.ID))
	text, _ := b.text(t, "msg_1")
	require.Len(t, text, 4<<20+1)
	stop()
	require.NoError(t, <-done)
}

func TestFailedCommitsAreRepeatedThenReported(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		d, _ := b.deltas(t)
		stream.GiveUpAfter(d, 300*time.Millisecond)
		w := &writer{bundle: b, deltas: d, run: storetest.Run(t, db, b.project, enum.RunRunning), message: "msg_1"}
		rename := func(from, to string) {
			_, err := db.SQL.Exec("ALTER TABLE " + from + " RENAME TO " + to)
			require.NoError(t, err)
		}
		rename("events", "away")
		require.NoError(t, w.write(t, "lost"))
		require.Error(t, d.Flush(t.Context(), w.run.ID))
		require.NoError(t, d.Flush(t.Context(), w.run.ID), "it is told once")

		w.message, w.offset = "msg_2", 0
		stream.GiveUpAfter(d, 5*time.Minute)
		require.NoError(t, w.write(t, "kept"))
		time.Sleep(30 * time.Millisecond)
		rename("away", "events")
		require.NoError(t, d.Flush(t.Context(), w.run.ID))
		text, _ := b.text(t, "msg_2")
		require.Equal(t, "kept", text)
	})
}

func TestACommitWhoseOutcomeIsLostIsNotRepeated(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		d := stream.NewDeltas(b.log)
		left := stream.LoseOutcomes(d, 2) // the first, for both runs, and the repeat for one
		one := &writer{bundle: b, deltas: d, run: storetest.Run(t, db, b.project, enum.RunRunning), message: "msg_1"}
		two := &writer{bundle: b, deltas: d, run: storetest.Run(t, db, b.project, enum.RunRunning), message: "msg_2"}
		long := strings.Repeat("Grüße 🎈 ", 10_000) // several events
		require.NoError(t, one.write(t, long))
		require.NoError(t, two.write(t, "short"))
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- d.Run(ctx) }()
		require.NoError(t, d.Flush(t.Context(), one.run.ID))
		require.NoError(t, d.Flush(t.Context(), two.run.ID))
		require.LessOrEqual(t, left.Load(), int64(0))
		left.Store(1) // and one after others of the same message
		require.NoError(t, one.write(t, "more "))
		require.NoError(t, d.Flush(t.Context(), one.run.ID))
		require.NoError(t, one.write(t, "end"))
		require.NoError(t, d.Flush(t.Context(), one.run.ID))
		text, events := b.text(t, "msg_1")
		require.True(t, text == long+"more end")
		require.Greater(t, events, 3)
		text, events = b.text(t, "msg_2")
		require.Equal(t, "short", text)
		require.Equal(t, 1, events)
		stop()
		require.NoError(t, <-done)
	})
}
