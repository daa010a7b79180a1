package stream_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/stream"
)

// says appends n words of a run's message.
func (b *bundle) says(t *testing.T, runID string, n int) {
	t.Helper()
	for i := range n {
		require.NoError(t, b.append(t.Context(), b.handle, stream.Draft{
			Type: enum.EventMessageDelta, RunID: runID,
			Payload: stream.DeltaPayload{V: 1, MessageID: "msg", Offset: i, Text: "x"},
		}))
	}
}

// age makes the events up to seq two days old.
func (b *bundle) age(t *testing.T, seq int64) {
	t.Helper()
	_, err := b.db.SQL.Exec("UPDATE events SET at = $1 WHERE stream_id = $2 AND seq <= $3",
		time.Now().Add(-48*time.Hour).UnixMicro(), b.project.ID, seq)
	require.NoError(t, err)
}

func (b *bundle) compact(t *testing.T) *stream.Compactor {
	t.Helper()
	c := stream.NewCompactor(b.db, 24*time.Hour, slog.New(slog.DiscardHandler))
	require.NoError(t, c.Compact(access.As(t.Context(), access.Maintenance), time.Now().Add(-24*time.Hour)))
	return c
}

func (b *bundle) kept(t *testing.T) []int64 {
	t.Helper()
	events, err := b.log.Read(t.Context(), b.handle, 0, 10_000)
	require.NoError(t, err)
	var seqs []int64
	for _, e := range events {
		seqs = append(seqs, e.Seq)
	}
	return seqs
}

func TestOldWordsAreRemovedAndReadersToldSo(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		b.fill(t, 1)
		b.says(t, "", 3) // 2, 3, 4
		b.fill(t, 1)
		b.says(t, "", 2) // 6, 7: young
		b.age(t, 5)
		c := b.compact(t)
		require.EqualValues(t, 3, c.Removed())
		require.Equal(t, []int64{1, 5, 6, 7}, b.kept(t))
		head, horizon, err := b.log.Head(t.Context(), b.handle)
		require.NoError(t, err)
		require.EqualValues(t, 7, head)
		require.EqualValues(t, 5, horizon)

		below := take(t, b.subscribe(t, 4, nil), 1)
		require.Equal(t, enum.EventStreamReset, below[0].Type)
		require.EqualValues(t, 7, below[0].Seq)
		at := take(t, b.subscribe(t, 5, nil), 2)
		require.EqualValues(t, 6, at[0].Seq)
		require.Zero(t, b.compact(t).Removed())
	})
}

func TestALongLogIsCompactedInSteps(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		var drafts []stream.Draft
		for i := range 2500 {
			drafts = append(drafts, stream.Draft{
				Type:    enum.EventMessageDelta,
				Payload: stream.DeltaPayload{V: 1, MessageID: "msg", Offset: i, Text: "x"},
			})
		}
		require.NoError(t, b.append(t.Context(), b.handle, drafts...))
		b.age(t, 2499)
		require.EqualValues(t, 2499, b.compact(t).Removed())
		require.Equal(t, []int64{2500}, b.kept(t))
	})
}

// Whoever takes a run over reads what it has said from the log.
func TestWordsOfARunThatGoesOnAreKept(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		r := storetest.Run(t, db, b.project, enum.RunRunning)
		b.says(t, "", 2)
		b.says(t, r.ID, 2) // 3, 4
		b.says(t, "", 1)
		b.age(t, 5)
		require.EqualValues(t, 2, b.compact(t).Removed())
		require.Equal(t, []int64{3, 4, 5}, b.kept(t))
		_, err := db.SQL.Exec("UPDATE runs SET state = $1 WHERE id = $2", string(enum.RunSucceeded), r.ID)
		require.NoError(t, err)
		require.EqualValues(t, 3, b.compact(t).Removed())
		require.Empty(t, b.kept(t))
	})
}

// It asks in a transaction, for each thousand events: it may not go through the events of all
// projects.
func TestCompactionFindsARunsEventsByTheirIndex(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	rows, err := db.SQL.Query("EXPLAIN QUERY PLAN "+stream.KeptQuery, "p", 0, 1000, 0, "a", "b", "c")
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	var plan []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		require.NoError(t, rows.Scan(&id, &parent, &unused, &detail))
		plan = append(plan, detail)
	}
	require.NoError(t, rows.Err())
	require.Contains(t, plan, "SEARCH e USING COVERING INDEX event_run_id_seq (run_id=? AND seq>?)")
}

func TestOnlyMaintenanceCompacts(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		b.says(t, "", 1)
		b.age(t, 1)
		c := stream.NewCompactor(db, time.Hour, slog.New(slog.DiscardHandler))
		require.Error(t, c.Compact(access.WithViewer(t.Context(), b.viewer), time.Now()))
		require.Equal(t, []int64{1}, b.kept(t))
	})
}
