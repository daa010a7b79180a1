package outbox_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/server/outbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type operation struct{ stopped bool }

type message struct {
	op   *operation
	text string
}

func (m message) Cost() int       { return len(m.text) + outbox.Overhead }
func (m message) Withdrawn() bool { return m.op != nil && m.op.stopped }

func write(buf []byte, m *message) []byte { return append(buf, m.text...) }

func text(op *operation, size int) message { return message{op, strings.Repeat("x", size)} }

func TestItIsBoundedByBytesUntilTheyAreWritten(t *testing.T) {
	t.Parallel()
	o := outbox.New[message, string](1000, time.Hour)
	require.NoError(t, o.Push(text(nil, 5000)), "one message may wait alone")
	require.ErrorIs(t, o.Push(text(nil, 1)), outbox.ErrFull)
	_, cost, _ := o.Take(nil, 100, write)
	require.ErrorIs(t, o.Push(text(nil, 1)), outbox.ErrFull, "it is still being written")
	o.Wrote(cost)
	require.NoError(t, o.Push(text(nil, 1)))
	require.NoError(t, o.Push(text(nil, 1)))
}

func TestItIsBoundedByAge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := outbox.New[message, string](1<<20, 10*time.Second)
		require.NoError(t, o.Push(text(nil, 1)))
		time.Sleep(10 * time.Second)
		require.NoError(t, o.Push(text(nil, 1)))
		time.Sleep(time.Nanosecond)
		require.ErrorIs(t, o.Push(text(nil, 1)), outbox.ErrFull)

		_, cost, _ := o.Take(nil, 1<<20, write)
		require.ErrorIs(t, o.Push(text(nil, 1)), outbox.ErrFull, "the oldest is still being written")
		o.Wrote(cost)
		require.NoError(t, o.Push(text(nil, 1)))
	})
}

func TestItTakesBackWhatAStoppedOperationHasWaiting(t *testing.T) {
	t.Parallel()
	o := outbox.New[message, string](4*(10+outbox.Overhead), time.Hour)
	a, b := &operation{}, &operation{}
	for _, op := range []*operation{a, b, nil, a} {
		require.NoError(t, o.Push(text(op, 10)))
	}
	require.ErrorIs(t, o.Push(text(b, 10)), outbox.ErrFull)
	o.Withdraw(func() { a.stopped = true })
	require.ErrorIs(t, o.Push(text(a, 10)), outbox.ErrWithdrawn)
	require.NoError(t, o.Push(text(b, 10)), "there is room again")
	out, _, last := o.Take(nil, 1<<20, write)
	require.Len(t, out, 3*10)
	require.Nil(t, last)
}

func TestItEndsAfterWhatWaitsOrInsteadOfIt(t *testing.T) {
	t.Parallel()
	for _, discard := range []bool{false, true} {
		o := outbox.New[message, string](1<<20, time.Hour)
		require.NoError(t, o.Push(text(nil, 10)))
		require.NoError(t, o.Push(text(nil, 10)))
		require.False(t, o.Ended())
		require.True(t, o.End("over", discard))
		require.False(t, o.End("later", true), "the first ending counts")
		require.True(t, o.Ended())
		require.ErrorIs(t, o.Push(text(nil, 10)), outbox.ErrEnded)
		<-o.Wake()
		if !discard {
			for range 2 {
				out, _, last := o.Take(nil, 1, write)
				require.Len(t, out, 10)
				if last != nil {
					require.Equal(t, "over", *last)
				}
			}
			continue
		}
		out, _, last := o.Take(nil, 1, write)
		require.Empty(t, out)
		require.Equal(t, "over", *last)
	}
}
