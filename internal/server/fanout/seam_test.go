package fanout_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/stream"
)

// TestResumesMeetTheLiveStream has clients come and go, behind their last cursor each
// time, while the log grows: through the real hub and log, with members that are told
// together and others that come back to them.
func TestResumesMeetTheLiveStream(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		const events, clients = 600, 12
		a := newAPI(t, db)
		writer, err := access.StreamWriter(access.WithViewer(t.Context(), a.viewers["owner"]), db.Ent, a.project.ID)
		require.NoError(t, err)
		var all sync.WaitGroup
		all.Go(func() {
			for at := 0; at < events; at += 5 {
				err := db.InTx(context.Background(), func(_ context.Context, tx *store.Tx) error {
					for i := range 5 {
						a.log.Append(tx, writer, stream.Draft{Type: enum.EventMessageDelta, RunID: a.run.ID,
							Payload: stream.DeltaPayload{V: 1, MessageID: a.run.MessageID, Offset: at + i, Text: "x"}})
					}
					return nil
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
		seed := rand.Uint64()
		t.Log("seed", seed)
		for n := range clients {
			all.Go(func() { a.cut(t, rand.New(rand.NewPCG(seed, uint64(n))), events) }) //nolint:gosec // a test's dice
		}
		all.Wait()
		a.fanout.Wait()
		require.Zero(t, a.fanout.Stats().Members)
	})
}

// cut reads all events, through as many subscriptions as it takes.
func (a *api) cut(t *testing.T, random *rand.Rand, events int64) {
	var viewers []access.Viewer
	for _, name := range []string{"owner", "viewer", "API key"} {
		viewers = append(viewers, a.viewers[name])
	}
	var last int64
	for last < events {
		d := document{
			query:     `subscription($p: ID!, $after: Cursor) { projectEvents(projectId: $p, after: $after) { cursor ... on MessageDelta { offset } } }`,
			variables: map[string]any{"p": a.project.ID, "after": stream.CursorAt(a.project.ID, last)},
		}
		l := a.listen(t, viewers[random.IntN(len(viewers))], d)
		came := l.await(min(1+random.IntN(60), int(events-last)))
		l.leave()
		l.mu.Lock()
		for _, payload := range l.told {
			last++
			want := fmt.Sprintf(`{"data":{"projectEvents":{"cursor":%q,"offset":%d}}}`, stream.CursorAt(a.project.ID, last), last-1)
			if payload != want {
				t.Errorf("event %d is %s", last, payload)
			}
		}
		l.mu.Unlock()
		if !came {
			t.Errorf("only %d events came", last)
			return
		}
	}
}

// TestTheCursorOfAnEncodingIsTheEvents is what server-sent events have for an id.
func TestTheCursorOfAnEncodingIsTheEvents(t *testing.T) {
	t.Parallel()
	a := newAPI(t, storetest.SQLite(t))
	n := a.append(t)
	d := document{query: `subscription($p: ID!) { projectEvents(projectId: $p, after: "start") { seq cursor } }`, variables: map[string]any{"p": a.project.ID}}
	l := a.listen(t, a.viewers["owner"], d)
	defer l.leave()
	require.Eventually(t, l.has(n), patience, time.Millisecond)
	for i, payload := range l.told {
		require.True(t, json.Valid([]byte(payload)))
		require.Equal(t, stream.CursorAt(a.project.ID, int64(i+1)), l.cursors[i])
	}
}
