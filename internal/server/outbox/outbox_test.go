package outbox_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/server/outbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type operation struct{ stopped, finished bool }

type message struct {
	op   *operation
	text string
}

func (m message) Cost() int       { return len(m.text) + outbox.Overhead }
func (m message) Refused() bool   { return m.op != nil && (m.op.stopped || m.op.finished) }
func (m message) Withdrawn() bool { return m.op != nil && m.op.stopped }

func box(limit int, maxAge time.Duration) *outbox.Outbox[message, string] {
	rules := &outbox.Rules[message, string]{Limit: limit, MaxAge: maxAge}
	return rules.New(func() {})
}

func write(buf []byte, m *message) []byte { return append(buf, m.text...) }

func text(op *operation, size int) message { return message{op, strings.Repeat("x", size)} }

func TestItIsBoundedByBytesUntilTheyAreWritten(t *testing.T) {
	t.Parallel()
	o := box(1000, time.Hour)
	require.NoError(t, o.Push(text(nil, 900)))
	require.NoError(t, o.Push(text(nil, 400)))
	require.ErrorIs(t, o.Push(text(nil, 10)), outbox.ErrFull)
	cost := o.Take(nil, 100, write).Cost
	require.ErrorIs(t, o.Push(text(nil, 10)), outbox.ErrFull, "it is still being written")
	o.Wrote(cost)
	require.NoError(t, o.Push(text(nil, 10)))
	require.NoError(t, o.Push(text(nil, 10)))
}

func TestALargeAnswerIsNoReasonToEnd(t *testing.T) {
	t.Parallel()
	o := box(1000, time.Hour)
	require.NoError(t, o.Push(text(nil, 10)), "it is being read when the answer comes")
	require.NoError(t, o.Push(text(nil, 5000)))
	require.NoError(t, o.Push(text(nil, 10)), "and others come behind it")
	require.ErrorIs(t, o.Push(text(nil, 5000)), outbox.ErrFull)
	for range 3 {
		o.Wrote(o.Take(nil, 1, write).Cost)
	}
	require.NoError(t, o.Push(text(nil, 5000)))
	require.NoError(t, o.Push(text(nil, 5000)))
	require.ErrorIs(t, o.Push(text(nil, 1)), outbox.ErrFull)
}

func TestItIsBoundedByAge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := box(1<<20, 10*time.Second)
		require.NoError(t, o.Push(text(nil, 1)))
		time.Sleep(10 * time.Second)
		require.NoError(t, o.Push(text(nil, 1)))
		time.Sleep(time.Nanosecond)
		require.ErrorIs(t, o.Push(text(nil, 1)), outbox.ErrFull)

		cost := o.Take(nil, 1<<20, write).Cost
		require.ErrorIs(t, o.Push(text(nil, 1)), outbox.ErrFull, "the oldest is still being written")
		o.Wrote(cost)
		require.NoError(t, o.Push(text(nil, 1)))
	})
}

func TestItTakesBackWhatAStoppedOperationHasWaiting(t *testing.T) {
	t.Parallel()
	o := box(4*(10+outbox.Overhead), time.Hour)
	a, b := &operation{}, &operation{}
	for _, op := range []*operation{a, b, nil, a} {
		require.NoError(t, o.Push(text(op, 10)))
	}
	require.ErrorIs(t, o.Push(text(b, 10)), outbox.ErrFull)
	o.Withdraw(func() { a.stopped = true })
	require.ErrorIs(t, o.Push(text(a, 10)), outbox.ErrWithdrawn)
	require.NoError(t, o.Push(text(b, 10)), "there is room again")
	taken := o.Take(nil, 1<<20, write)
	require.Len(t, taken.Bytes, 3*10)
	require.Equal(t, 3, taken.Messages)
	require.Nil(t, taken.Ending)
}

func TestItEndsAfterWhatWaitsOrInsteadOfIt(t *testing.T) {
	t.Parallel()
	for _, discard := range []bool{false, true} {
		o := box(1<<20, time.Hour)
		require.NoError(t, o.Push(text(nil, 10)))
		require.NoError(t, o.Push(text(nil, 10)))
		require.False(t, o.Ended())
		require.True(t, o.End("over", discard))
		require.False(t, o.End("later", true), "the first ending counts")
		require.True(t, o.Ended())
		require.ErrorIs(t, o.Push(text(nil, 10)), outbox.ErrEnded)
		if !discard {
			for range 2 {
				taken := o.Take(nil, 1, write)
				require.Len(t, taken.Bytes, 10)
				if taken.Ending != nil {
					require.Equal(t, "over", *taken.Ending)
				}
			}
			continue
		}
		taken := o.Take(nil, 1, write)
		require.Empty(t, taken.Bytes)
		require.Equal(t, "over", *taken.Ending)
	}
}

func TestTheWriterIsWokenOnceUntilItFindsNothing(t *testing.T) {
	t.Parallel()
	woken := 0
	rules := &outbox.Rules[message, string]{Limit: 1 << 20, MaxAge: time.Hour}
	o := rules.New(func() { woken++ })
	require.NoError(t, o.PushAll(3, func(int) message { return text(nil, 10) }))
	require.Equal(t, 1, woken)
	o.Wrote(o.Take(nil, 1<<20, write).Cost)
	require.NoError(t, o.Push(text(nil, 10)))
	require.Equal(t, 1, woken, "the writer is still at work")
	o.Wrote(o.Take(nil, 1<<20, write).Cost)
	require.Zero(t, o.Take(nil, 1<<20, write).Messages)
	require.NoError(t, o.Push(text(nil, 10)))
	require.Equal(t, 2, woken)
	o.Wrote(o.Take(nil, 1<<20, write).Cost)
	require.Zero(t, o.Take(nil, 1<<20, write).Messages)
	require.True(t, o.End("over", false))
	require.Equal(t, 3, woken)
	require.NotNil(t, o.Take(nil, 1<<20, write).Ending)
	require.False(t, o.End("again", false))
	require.Equal(t, 3, woken)
}

func TestNothingComesBehindTheLast(t *testing.T) {
	t.Parallel()
	o := box(1<<20, time.Hour)
	op := &operation{}
	require.NoError(t, o.Push(text(op, 10)))
	require.NoError(t, o.PushLast(text(op, 10), func() { op.finished = true }))
	require.ErrorIs(t, o.Push(text(op, 10)), outbox.ErrWithdrawn)
	o.Withdraw(func() {})
	require.Equal(t, 2, o.Take(nil, 1<<20, write).Messages, "what waited is sent")

	require.NoError(t, o.EndWith(text(nil, 10), "over"))
	require.ErrorIs(t, o.EndWith(text(nil, 10), "again"), outbox.ErrEnded)
	taken := o.Take(nil, 1<<20, write)
	require.Len(t, taken.Bytes, 10)
	require.Equal(t, "over", *taken.Ending)
}

func TestWhatCanWaitWaitsForRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := box(1600, 10*time.Second)
		written, pushed := 0, make(chan error)
		go func() {
			for range 20 { // together far beyond the limit, and over far more time than the age
				if err := o.PushPaced(t.Context(), 2, func(int) message { return text(nil, 200) }); err != nil {
					pushed <- err
					return
				}
			}
			pushed <- nil
		}()
		for written < 40 {
			synctest.Wait()
			taken := o.Take(nil, 1, write)
			time.Sleep(7 * time.Second) // a client that reads slowly
			o.Wrote(taken.Cost)
			written += taken.Messages
		}
		require.NoError(t, <-pushed)
	})
}

func TestNobodyWaitsForRoomForever(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		one := func(int) message { return text(nil, 500) }
		o := box(1600, 10*time.Second)
		require.NoError(t, o.PushPaced(t.Context(), 1, one))
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error)
		wait := func(ctx context.Context) { go func() { result <- o.PushPaced(ctx, 1, one) }(); synctest.Wait() }
		wait(ctx)
		cancel()
		require.ErrorIs(t, <-result, context.Canceled)
		wait(t.Context())
		require.True(t, o.End("over", false))
		require.ErrorIs(t, <-result, outbox.ErrEnded)
		require.ErrorIs(t, o.PushPaced(t.Context(), 1, one), outbox.ErrEnded)

		o = box(1600, 10*time.Second)
		op := &operation{}
		require.NoError(t, o.Push(text(op, 500)))
		wait(t.Context())
		o.Withdraw(func() { op.stopped = true })
		require.NoError(t, <-result, "there is room again")
	})
}
