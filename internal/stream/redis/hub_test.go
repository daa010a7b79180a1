package redis_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/redistest"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/stream"
)

// TestSubscriptionGoesOnWithoutRedis writes on one node and watches on another while
// Redis is there, gone and back.
func TestSubscriptionGoesOnWithoutRedis(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		server, id := redistest.Private(t), installation()
		writes, watches := running(t, server.URL(), id), running(t, server.URL(), id)
		logger := slog.New(slog.DiscardHandler)
		log := stream.NewLog(db, writes, logger)
		hub := stream.NewHub(stream.NewLog(db, watches, logger), watches, logger)
		viewer := storetest.User(t, db, "ada@example.com")
		project := storetest.Project(t, db, viewer, "Site")
		handle, err := access.StreamWriter(access.WithViewer(t.Context(), viewer), db.Ent, project.ID)
		require.NoError(t, err)

		ctx, cancel := context.WithCancel(t.Context())
		events, err := hub.Subscribe(ctx, handle, 0, nil)
		require.NoError(t, err)
		t.Cleanup(func() {
			cancel()
			for range events { //nolint:revive // until it is closed
			}
		})
		var got []stream.Event
		write := func(n int) time.Duration {
			began := time.Now()
			for range n {
				require.NoError(t, db.InTx(t.Context(), func(_ context.Context, tx *store.Tx) error {
					log.Append(tx, handle, stream.Draft{
						Type: enum.EventFileChanged, Payload: stream.FilePayload{V: 1, Path: fmt.Sprint(len(got)), Change: enum.FileCreated},
					})
					return nil
				}))
			}
			for range n {
				select {
				case e := <-events:
					got = append(got, e)
				case <-time.After(time.Minute):
					require.FailNow(t, "events are missing", "%d came", len(got))
				}
			}
			return time.Since(began)
		}
		healthy(t, writes, watches)
		t.Log("with Redis:", write(5))
		server.Stop()
		t.Log("when it stops:", write(1))
		for range 3 {
			t.Log("without:", write(2))
		}
		server.Start()
		t.Log("when it is back:", write(1))
		healthy(t, writes, watches)
		for range 3 {
			t.Log("with Redis:", write(2))
		}
		server.Pause()
		for range 6 {
			t.Log("when it hangs:", write(1))
		}
		server.Resume()
		t.Log("when it goes on:", write(1))

		all, err := log.Read(t.Context(), handle, 0, 1000)
		require.NoError(t, err)
		want, err := json.Marshal(all)
		require.NoError(t, err)
		have, err := json.Marshal(got)
		require.NoError(t, err)
		require.Equal(t, string(want), string(have))
	})
}
