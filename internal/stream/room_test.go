package stream

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
)

// follow is a reader that is closed when the test ends.
func follow(t *testing.T, hub *Hub, handle access.StreamHandle, after int64) *Reader {
	t.Helper()
	r, err := hub.Follow(t.Context(), handle, after)
	require.NoError(t, err)
	t.Cleanup(r.Close)
	return r
}

// next takes what is there, and fails where that isn't numbers from to to.
func next(t *testing.T, r *Reader, from, to int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for from <= to {
		events, err := r.Next(ctx)
		require.NoError(t, err)
		for _, e := range events {
			require.Equal(t, from, e.Seq)
			require.Equal(t, enum.EventFileChanged, e.Type)
			from++
		}
	}
	require.Equal(t, to+1, from)
	require.Equal(t, to, r.Last())
}

// blocks fails where there is something to read.
func blocks(t *testing.T, r *Reader) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	events, err := r.Next(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded, "%v", events)
}

func requireReset(t *testing.T, r *Reader, seq int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	events, err := r.Next(ctx)
	require.NoError(t, err)
	require.Len(t, events, 1)
	require.Equal(t, enum.EventStreamReset, events[0].Type)
	require.Equal(t, seq, events[0].Seq)
}

func TestReadersShareARoomThatOutlivesTheFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, w, hub, handle := newFixture(t)
		s.append(3)
		ctx, cancel := context.WithCancel(t.Context())
		first, err := hub.Follow(ctx, handle, 0)
		require.NoError(t, err)
		t.Cleanup(first.Close)
		second := follow(t, hub, handle, FromNow)
		require.Len(t, w.ears, 1)
		require.EqualValues(t, 1, hub.Stats().Rooms)
		require.EqualValues(t, 2, hub.Stats().Readers)
		cancel()
		next(t, first, 1, 3)
		first.Close()
		_, err = first.Next(t.Context())
		require.Error(t, err)
		w.bring(s.append(2)...)
		next(t, second, 4, 5)
		require.EqualValues(t, 1, hub.Stats().PagesRead)
		second.Close()
	})
}

func TestRoomStaysOpenForAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, w, hub, handle := newFixture(t)
		r := follow(t, hub, handle, FromNow)
		r.Close()
		w.bring(s.append(3)...)
		time.Sleep(grace - time.Millisecond)
		r = follow(t, hub, handle, 0)
		next(t, r, 1, 3)
		require.Zero(t, hub.Stats().PagesRead, "the ring has it")
		time.Sleep(2 * grace)
		require.EqualValues(t, 1, hub.Stats().Rooms, "somebody reads")

		r.Close()
		s.append(2) // unheard while nobody reads
		r = follow(t, hub, handle, 3)
		next(t, r, 4, 5)
		r.Close()
		time.Sleep(grace + time.Millisecond)
		synctest.Wait()
		require.Zero(t, hub.Stats().Rooms)
		require.Empty(t, w.ears)
	})
}

func TestOvertakenEventsAreAwaited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, w, hub, handle := newFixture(t)
		r := follow(t, hub, handle, FromNow)
		e := s.append(4)
		w.bring(e[3], e[1], e[1], e[2])
		time.Sleep(patience / 2)
		blocks(t, r)
		w.bring(e[0])
		next(t, r, 1, 4)
		require.Zero(t, hub.Stats().Heals)
		require.Zero(t, hub.Stats().PagesRead)

		e = s.append(6)
		w.bring(e[1], e[2])
		time.Sleep(patience / 2)
		w.bring(e[5])
		time.Sleep(patience)
		next(t, r, 5, 10)
		w.bring(e[4], e[3])
		time.Sleep(2 * patience)
		require.EqualValues(t, 1, hub.Stats().Heals, "the first two came too late, the others didn't")
		require.EqualValues(t, 1, hub.Stats().PagesRead)
		require.EqualValues(t, 9, hub.Stats().Heard)
	})
}

func TestRoomHoldsBackOnlySoMuch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, w, hub, handle := newFixture(t)
		r := follow(t, hub, handle, FromNow)
		w.bring(s.append(heldEvents + 2)[1:]...)
		require.EqualValues(t, 1, hub.Stats().Heals, "at once")
		next(t, r, 1, heldEvents+2)
	})
}

func TestSlowReaderLearnsThatTheDatabaseWasSetBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, w, hub, handle := newFixture(t)
		w.bring(s.append(5)...)
		beyond := follow(t, hub, handle, FromNow)
		below := follow(t, hub, handle, 2)
		s.setBack(3)
		time.Sleep(quiet + 2*headPause)
		w.bring(s.append(4)...)
		next(t, below, 3, 7)
		requireReset(t, beyond, 7)
		w.bring(s.append(1)...)
		next(t, below, 8, 8)
		next(t, beyond, 8, 8)
		require.EqualValues(t, 1, hub.Stats().Resets)
	})
}

func TestReaderOfADeletedProject(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, w, hub, handle := newFixture(t)
		r := follow(t, hub, handle, 0)
		w.bring(s.append(5)...)
		hub.rooms[shelved].see(position{gone: true})
		next(t, r, 1, 5)
		for range 2 {
			_, err := r.Next(t.Context())
			require.True(t, problem.Is(err, problem.NotFound))
		}
		r.Close()
		require.Zero(t, hub.Stats().Rooms, "nobody comes back to it")
	})
}

func TestHorizonOvertakesAReader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, _, hub, handle := newFixture(t)
		s.append(200)
		r := follow(t, hub, handle, 0)
		next(t, r, 1, pageSize)
		s.compact(150) // the room hasn't seen it
		requireReset(t, r, 200)
		blocks(t, r)
	})
}

// TestReadThatIsCalledAway has the reader leave that reads for the others too.
func TestReadThatIsCalledAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, _, hub, handle := newFixture(t)
		s.append(10)
		ctx, cancel := context.WithCancel(t.Context())
		var readers []*Reader
		for range 3 {
			readers = append(readers, follow(t, hub, handle, 0))
		}
		s.slow = time.Hour
		failed := make(chan error, 1)
		go func() {
			_, err := readers[0].Next(ctx)
			failed <- err
		}()
		synctest.Wait()
		got := make(chan []Event, 2)
		for _, r := range readers[1:] {
			go func() {
				events, _ := r.Next(t.Context())
				got <- events
			}()
		}
		synctest.Wait()
		require.EqualValues(t, 1, hub.Stats().PagesRead)
		require.EqualValues(t, 2, hub.Stats().PagesShared)
		s.slow = 0
		cancel()
		require.ErrorIs(t, <-failed, context.Canceled)
		require.Len(t, <-got, 10)
		require.Len(t, <-got, 10)
		require.EqualValues(t, 2, hub.Stats().PagesRead)
		require.Zero(t, hub.Stats().ReadsFailed)
	})
}

func TestFailingReadsAreRepeatedTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, _, hub, handle := newFixture(t)
		s.append(10)
		const many = 1000
		var readers []*Reader
		for range many {
			readers = append(readers, follow(t, hub, handle, 0))
		}
		s.fail(true)
		got := make(chan int, many)
		for _, r := range readers {
			go func() {
				events, _ := r.Next(t.Context())
				got <- len(events)
			}()
		}
		time.Sleep(time.Minute)
		failed := hub.Stats().ReadsFailed
		require.Greater(t, failed, int64(20))
		require.Less(t, failed, int64(60), "1,000 readers fail as one")
		_, err := hub.Follow(t.Context(), handle, FromNow)
		require.Error(t, err)
		s.fail(false)
		for range many {
			require.Equal(t, 10, <-got)
		}
	})
}

func TestReadersThatResumeAtManyPlacesShareReads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, _, hub, handle := newFixture(t)
		s.append(300)
		s.slow = 10 * time.Millisecond
		const many = 2000
		got := make(chan int64, many)
		for i := range int64(many) {
			go func() {
				r, err := hub.Follow(t.Context(), handle, i%300)
				if err != nil {
					got <- -1
					return
				}
				defer r.Close()
				for r.Last() < 300 {
					if _, err := r.Next(t.Context()); err != nil {
						break
					}
				}
				got <- r.Last()
			}()
		}
		for range many {
			require.EqualValues(t, 300, <-got)
		}
		require.LessOrEqual(t, hub.Stats().HeadsRead, int64(2))
		require.Less(t, hub.Stats().PagesRead, int64(many/20), "%+v", hub.Stats())
	})
}

func TestPagesAreKeptForAMoment(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, _, hub, handle := newFixture(t)
		s.append(1000)
		pass := func(after int64) {
			r := follow(t, hub, handle, after)
			next(t, r, after+1, 1000)
		}
		pass(0)
		read := hub.Stats().PagesRead
		require.EqualValues(t, 8, read)
		pass(0)
		pass(500) // in the middle of one
		require.Equal(t, read, hub.Stats().PagesRead)
		time.Sleep(2 * pageKept)
		synctest.Wait()
		hub.rooms[shelved].mu.Lock()
		require.Empty(t, hub.rooms[shelved].reads.pages)
		hub.rooms[shelved].mu.Unlock()
		pass(500)
		require.Equal(t, read+4, hub.Stats().PagesRead)
	})
}

func TestRingIsBounded(t *testing.T) {
	t.Parallel()
	var r ring
	r.restart(7)
	require.Nil(t, r.behind(7))
	small, large := json.RawMessage(`{}`), json.RawMessage(`"`+strings.Repeat("x", 50<<10)+`"`)
	var early []Event
	for seq := int64(8); seq < 5000; seq++ {
		payload := small
		if seq > 4000 {
			payload = large
		}
		r.add(Event{Seq: seq, Payload: payload})
		if seq == 8 {
			early = r.behind(7)
		}
		first := seq - int64(r.count) + 1
		for after := first - 1; after < seq; after += 97 {
			if events := r.behind(after); events == nil || events[0].Seq != after+1 {
				require.Fail(t, "it isn't in the ring", after+1)
			}
		}
		if r.count > ringEvents || r.bytes > ringBytes+segmentBytes+len(large)+eventBytes ||
			r.behind(seq) != nil || r.behind(first-2) != nil {
			require.Fail(t, "it holds too much", "%d events, %d bytes", r.count, r.bytes)
		}
	}
	require.Less(t, r.count, 8)
	require.Len(t, early, 1)
	require.EqualValues(t, 8, early[0].Seq, "what a reader holds stays")
	total := 0
	for _, segment := range r.segments {
		total += len(segment)
	}
	require.Equal(t, total, r.count)
}
