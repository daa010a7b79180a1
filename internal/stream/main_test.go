package stream_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/stream/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lossy is a carrier that loses, doubles and turns round what it is told to.
type lossy struct {
	*memory.Carrier
	lose, twice, reverse, sick atomic.Bool
}

func (l *lossy) Healthy() bool { return !l.sick.Load() }

func (l *lossy) Publish(ctx context.Context, events []stream.Event) error {
	if l.lose.Load() {
		return nil
	}
	if l.reverse.Load() {
		for i := len(events) - 1; i >= 0; i-- {
			_ = l.Carrier.Publish(ctx, events[i:i+1])
		}
		return nil
	}
	if l.twice.Load() {
		_ = l.Carrier.Publish(ctx, events)
	}
	return l.Carrier.Publish(ctx, events)
}

type bundle struct {
	db      *store.DB
	viewer  access.Viewer
	carrier *lossy
	log     *stream.Log
	hub     *stream.Hub
	project *ent.Project
	handle  access.StreamHandle
}

func setup(t *testing.T, db *store.DB) *bundle {
	t.Helper()
	b := &bundle{db: db, carrier: &lossy{Carrier: memory.New()}, viewer: storetest.User(t, db, "ada@example.com")}
	logger := slog.New(slog.DiscardHandler)
	b.log = stream.NewLog(db, b.carrier, logger)
	b.hub = stream.NewHub(b.log, b.carrier, logger)
	b.project, b.handle = b.newProject(t, "Site")
	return b
}

func (b *bundle) newProject(t *testing.T, name string) (*ent.Project, access.StreamHandle) {
	t.Helper()
	p := storetest.Project(t, b.db, b.viewer, name)
	h, err := access.StreamWriter(access.WithViewer(t.Context(), b.viewer), b.db.Ent, p.ID)
	require.NoError(t, err)
	return p, h
}

// draft is an event that carries a word.
func draft(word string) stream.Draft {
	return stream.Draft{Type: enum.EventFileChanged, Payload: stream.FilePayload{V: 1, Path: word, Change: enum.FileCreated}}
}

func (b *bundle) append(ctx context.Context, h access.StreamHandle, drafts ...stream.Draft) error {
	return b.db.InTx(ctx, func(_ context.Context, tx *store.Tx) error {
		b.log.Append(tx, h, drafts...)
		return nil
	})
}

// fill appends n events, one a transaction.
func (b *bundle) fill(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		require.NoError(t, b.append(t.Context(), b.handle, draft(fmt.Sprint(i))))
	}
}

func (b *bundle) all(t *testing.T, h access.StreamHandle) []stream.Event {
	t.Helper()
	events, err := b.log.Read(t.Context(), h, 0, 100_000)
	require.NoError(t, err)
	for i, e := range events {
		require.EqualValues(t, i+1, e.Seq, "the log has a gap")
	}
	return events
}

// subscribe ends with the test, and then waits for the channel to close.
func (b *bundle) subscribe(t *testing.T, after int64, keep func(stream.Event) bool) <-chan stream.Event {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	events, err := b.hub.Subscribe(ctx, b.handle, after, keep)
	require.NoError(t, err)
	t.Cleanup(func() {
		cancel()
		for range events { //nolint:revive // until it is closed
		}
	})
	return events
}

func take(t *testing.T, events <-chan stream.Event, n int) []stream.Event {
	t.Helper()
	out := []stream.Event{}
	timeout := time.After(time.Minute)
	for len(out) < n {
		select {
		case e, ok := <-events:
			require.True(t, ok, "the subscription ended after %d of %d events", len(out), n)
			out = append(out, e)
		case <-timeout:
			require.FailNow(t, "events are missing", "%d of %d came: %s", len(out), n, encoded(t, out[max(0, len(out)-2):]))
		}
	}
	return out
}

func requireNothing(t *testing.T, events <-chan stream.Event) {
	t.Helper()
	select {
	case e, ok := <-events:
		require.Fail(t, "something came", "%v %v", e, ok)
	case <-time.After(50 * time.Millisecond):
	}
}

func encoded(t *testing.T, events []stream.Event) string {
	t.Helper()
	raw, err := json.Marshal(events)
	require.NoError(t, err)
	return string(raw)
}
