package wsproto

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
)

func text(op *operation, size int) message {
	return message{op: op, opcode: websocket.TextMessage, head: []byte(strings.Repeat("x", size))}
}

func TestOutboxIsBoundedByBytesUntilTheyAreWritten(t *testing.T) {
	t.Parallel()
	o := newOutbox(1000, time.Hour)
	require.NoError(t, o.push(text(nil, 5000)), "one message may wait alone")
	require.ErrorIs(t, o.push(text(nil, 1)), errFull)
	_, cost, _ := o.take(nil, 100)
	require.ErrorIs(t, o.push(text(nil, 1)), errFull, "it is still being written")
	o.wrote(cost)
	require.NoError(t, o.push(text(nil, 1)))
	require.NoError(t, o.push(text(nil, 1)))
}

func TestOutboxIsBoundedByAge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := newOutbox(1<<20, 10*time.Second)
		require.NoError(t, o.push(text(nil, 1)))
		time.Sleep(10 * time.Second)
		require.NoError(t, o.push(text(nil, 1)))
		time.Sleep(time.Nanosecond)
		require.ErrorIs(t, o.push(text(nil, 1)), errFull)

		_, cost, _ := o.take(nil, 1<<20)
		require.ErrorIs(t, o.push(text(nil, 1)), errFull, "the oldest is still being written")
		o.wrote(cost)
		require.NoError(t, o.push(text(nil, 1)))
	})
}

func TestOutboxTakesBackWhatAStoppedOperationHasWaiting(t *testing.T) {
	t.Parallel()
	o := newOutbox(1<<20, time.Hour)
	a, b := &operation{id: "a"}, &operation{id: "a"}
	for _, op := range []*operation{a, b, nil, a} {
		require.NoError(t, o.push(text(op, 10)))
	}
	o.stop(a)
	require.ErrorIs(t, o.push(text(a, 10)), errStopped)
	require.NoError(t, o.push(text(b, 10)))
	out, cost, _ := o.take(nil, 1<<20)
	require.Len(t, out, 3*12)
	o.wrote(cost)
	require.Zero(t, o.bytes)
}

func TestOutboxEndsAfterWhatWaitsOrInsteadOfIt(t *testing.T) {
	t.Parallel()
	for _, discard := range []bool{false, true} {
		o := newOutbox(1<<20, time.Hour)
		require.NoError(t, o.push(text(nil, 10)))
		require.NoError(t, o.push(text(nil, 10)))
		require.True(t, o.end(ending{code: 4400, discard: discard}))
		require.False(t, o.end(gone), "the first ending counts")
		require.ErrorIs(t, o.push(text(nil, 10)), errEnded)
		if !discard {
			out, _, last := o.take(nil, 1)
			require.Len(t, out, 12)
			require.Nil(t, last)
			_, _, last = o.take(nil, 1)
			require.Equal(t, 4400, last.code)
			continue
		}
		out, _, last := o.take(nil, 1)
		require.Empty(t, out)
		require.Equal(t, 4400, last.code)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"type":"subscribe","id":"1","payload":{"query":"{a}","variables":{"n":1e5}}}`))
	f.Add([]byte(`{"type":"connection_init","payload":{"Authorization":"Bearer x"}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := parse(raw)
		if err != nil {
			require.LessOrEqual(t, len(invalid(err.Error()).reason), 123, "room for a reason")
			return
		}
		if r.kind == "subscribe" {
			require.NotEmpty(t, r.id)
			require.NotEmpty(t, r.params.Query)
		}
	})
}
