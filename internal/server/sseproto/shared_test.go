package sseproto_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/server/sseproto"
)

const sharedQuery = `subscription{shared{cursor text}}`

func sharedAfter(cursor string) string {
	return fmt.Sprintf(`subscription{shared(after:%q){cursor text}}`, cursor)
}

// told is the data of an event.
func told(seq int, text string) string {
	return fmt.Sprintf(`{"data":{"shared":{"cursor":"c%d","text":%q}}}`, seq, text)
}

func (b *testBundle) members(n int64) {
	b.t.Helper()
	require.Eventually(b.t, func() bool { return b.fanout.Stats().Members == n }, patience, time.Millisecond)
}

func TestStreamsOfTheSameShareItsExecution(t *testing.T) {
	t.Parallel()
	b := setup(t, sseproto.Config{})
	b.schema.Journal.Append("one", "two")
	var all []*reply
	for range 10 {
		r := b.post(sharedAfter("c0")).streaming()
		require.Equal(t, "c1", r.next(told(1, "one")))
		require.Equal(t, "c2", r.next(told(2, "two")))
		resumed := b.post(sharedAfter("c0"), "Last-Event-ID", "c1").streaming()
		require.Equal(t, "c2", resumed.next(told(2, "two")))
		all = append(all, r, resumed)
	}
	b.members(20)
	before := b.fanout.Stats().Executions
	for seq := 3; seq <= 30; seq++ {
		b.schema.Journal.Append(fmt.Sprint("event ", seq))
		for _, r := range all {
			require.Equal(t, fmt.Sprint("c", seq), r.next(told(seq, fmt.Sprint("event ", seq))))
		}
	}
	require.EqualValues(t, 28, b.fanout.Stats().Executions-before)
	require.EqualValues(t, 1, b.fanout.Stats().Groups)
	require.Eventually(t, func() bool { return b.handler.Stats().Events >= 20*28 }, patience, time.Millisecond)
	for _, r := range all[1:] {
		r.cancel()
	}
	b.members(1)
	b.schema.Journal.Append("last")
	all[0].next(told(31, "last"))
}

func TestASharedStreamWithoutTheRightCompletesWithAnError(t *testing.T) {
	t.Parallel()
	b := setup(t, sseproto.Config{})
	r := b.post(sharedQuery).streaming()
	b.members(1)
	b.revoked.Store(true)
	code, _ := r.nextError()
	require.Equal(t, "NOT_FOUND", code)
	r.completed()
}

func TestASharedStreamIsRefusedAsAnyOther(t *testing.T) {
	t.Parallel()
	b := setup(t, sseproto.Config{})
	r := b.post(sharedAfter("nonsense")).streaming()
	_, message := r.nextError()
	require.Equal(t, `"nonsense" is no cursor`, message)
	r.completed()
	require.Zero(t, b.fanout.Stats().Groups)
}

func TestASlowSharedStreamIsToResume(t *testing.T) {
	t.Parallel()
	b := setup(t, sseproto.Config{QueueBytes: 512 << 10, QueueAge: time.Hour, WriteTimeout: time.Hour, Heartbeat: time.Hour})
	slow, quick := b.post(sharedQuery).streaming(), b.post(sharedQuery).streaming()
	b.members(2)
	seq, text := 0, strings.Repeat("x", 128<<10)
	for b.handler.Stats().SlowCloses == 0 {
		seq++
		b.schema.Journal.Append(text)
		require.Contains(t, quick.block(), fmt.Sprintf(`"c%d"`, seq))
	}
	require.Contains(t, slow.cut(), ": slow consumer")
	b.schema.Journal.Append("last")
	quick.next(told(seq+1, "last"))
}

func TestCatchingUpWaitsForTheClient(t *testing.T) {
	t.Parallel()
	b := setup(t, sseproto.Config{QueueBytes: 64 << 10, Heartbeat: time.Hour})
	text := strings.Repeat("x", 4<<10)
	const events = 500 // far more than the queue holds
	for range events {
		b.schema.Journal.Append(text)
	}
	r := b.post(sharedAfter("c0")).streaming()
	for seq := 1; seq <= events; seq++ {
		require.Contains(t, r.block(), told(seq, text))
	}
}

func TestShutdownIsNoCompletionOfASharedStream(t *testing.T) {
	t.Parallel()
	b := setup(t, sseproto.Config{})
	r := b.post(sharedQuery).streaming()
	b.members(1)
	b.schema.Journal.Append("x")
	r.next(told(1, "x"))
	require.NoError(t, b.handler.Shutdown(t.Context()))
	require.Equal(t, ": the server is going away\n\n", r.cut())
	b.fanout.Wait()
	require.Zero(t, b.schema.Journal.Readers())
}
