package sseproto_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/server/credential"
	"github.com/zeblit/zeblit/internal/server/sseproto"
)

// flooding makes `ticks` yield as fast as it is read, and tells when it has ended.
func (b *testBundle) flooding() (stopped chan struct{}) {
	stopped = make(chan struct{})
	b.schema.Ticks = func(ctx context.Context) <-chan string {
		ticks := make(chan string)
		go func() {
			defer close(stopped)
			for {
				select {
				case ticks <- strings.Repeat("x", 32<<10):
				case <-ctx.Done():
					return
				}
			}
		}()
		return ticks
	}
	return stopped
}

func (b *testBundle) empty() {
	b.t.Helper()
	require.Eventually(b.t, func() bool { return b.handler.Streams() == 0 }, patience, time.Millisecond)
}

func TestTheClientsLeavingEndsTheOperation(t *testing.T) {
	t.Parallel()
	b := setup(t, sseproto.Config{})
	started, cancelled := make(chan struct{}), make(chan struct{})
	b.schema.Ticks = func(ctx context.Context) <-chan string {
		close(started)
		context.AfterFunc(ctx, func() { close(cancelled) })
		return nil
	}
	r := b.post("subscription{ticks}").streaming()
	<-started
	r.cancel()
	<-cancelled
	b.empty()
}

func TestASlowReaderIsCutOff(t *testing.T) {
	t.Parallel()
	b := setup(t, sseproto.Config{QueueBytes: 256 << 10})
	stopped := b.flooding()
	r := b.post("subscription{ticks}").streaming()
	<-stopped // the producer was never blocked, only ended
	require.Contains(t, r.cut(), ": slow consumer: resume from your cursor\n\n")
	b.empty()
}

func TestAClientThatNeverReadsAgainIsBrokenOff(t *testing.T) {
	t.Parallel()
	b := setup(t, sseproto.Config{QueueBytes: 64 << 10, WriteTimeout: time.Second})
	b.schema.Slow = func(context.Context) string { return strings.Repeat("x", 16<<20) }
	b.post("{slow}")
	b.empty()
}

// What happened before comes as fast as the server reads it, which is faster than an
// ordinary link is.
func TestCatchingUpIsAsSlowAsTheClient(t *testing.T) {
	t.Parallel()
	const events = 1000
	b := setup(t, sseproto.Config{QueueBytes: 256 << 10, Heartbeat: time.Hour})
	told := `{"text":"` + strings.Repeat("x", 32<<10) + `"}`
	b.schema.Events = func(ctx context.Context, _ any) <-chan string {
		all := make(chan string)
		go func() {
			defer close(all)
			for range events {
				select {
				case all <- told:
				case <-ctx.Done():
					return
				}
			}
		}()
		return all
	}
	r := b.post(`subscription{events(after:"behind"){text}}`).streaming()
	time.Sleep(300 * time.Millisecond) // what it was sent fills all that there is on the way
	for range events {
		require.Contains(t, r.block(), told)
	}
	r.completed()
}

func TestAStreamThatBecameUnavailableIsToBeResumed(t *testing.T) {
	t.Parallel()
	b := setup(t, sseproto.Config{})
	ticks := b.ticking()
	r := b.post("subscription{ticks}").streaming()
	ticks <- "a"
	ticks <- "unavailable"
	r.next(`{"data":{"ticks":"a"}}`)
	require.Equal(t, ": it ended\n\n", r.cut())
}

func TestAnEventThatCanNotBeReadNowIsResumed(t *testing.T) {
	t.Parallel()
	b := setup(t, sseproto.Config{})
	ticks := b.ticking()
	r := b.post("subscription{ticks}").streaming()
	ticks <- "a"
	ticks <- "away"
	r.next(`{"data":{"ticks":"a"}}`)
	require.Equal(t, ": an event could not be read: resume from your cursor\n\n", r.cut())
}

func TestShutdownEndsStreamsWithoutCompleteAfterWhatIsQueued(t *testing.T) {
	t.Parallel()
	b := setup(t, sseproto.Config{})
	ticks := b.ticking()
	r := b.post("subscription{ticks}").streaming()
	ticks <- "last"
	r.next(`{"data":{"ticks":"last"}}`)
	require.NoError(t, b.handler.Shutdown(t.Context()))
	require.Zero(t, b.handler.Streams())
	require.Equal(t, ": the server is going away\n\n", r.cut())

	r = b.post("subscription{ticks}")
	r.refused(http.StatusServiceUnavailable, "UNAVAILABLE")
	require.Equal(t, "1", r.header.Get("Retry-After"))
}

func TestShutdownDoesNotWaitForeverForAnOperation(t *testing.T) {
	t.Parallel()
	b := setup(t, sseproto.Config{})
	entered, release := make(chan struct{}), make(chan struct{})
	b.schema.Slow = func(context.Context) string { close(entered); <-release; return "" }
	b.post("{slow}").streaming()
	<-entered
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, b.handler.Shutdown(ctx), context.DeadlineExceeded)
	close(release)
}

func TestShutdownBreaksOffAClientThatDoesNotRead(t *testing.T) {
	t.Parallel()
	b := setup(t, sseproto.Config{WriteTimeout: time.Hour})
	b.schema.Slow = func(context.Context) string { return strings.Repeat("x", 16<<20) }
	_, err := b.post("{slow}").streaming().lines.ReadByte() // the rest does not fit the buffers between
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.NoError(t, b.handler.Shutdown(ctx))
	b.empty()
}

func TestCredentialsEndTheStream(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	var answer atomic.Pointer[problem.Error]
	b := setup(t, sseproto.Config{Credentials: credential.New(credential.Rules{
		Interval: 5 * time.Millisecond,
		Revalidate: func(_ context.Context, holders []context.Context) []error {
			asked.Add(1)
			errs := make([]error, len(holders))
			if err := answer.Load(); err != nil {
				errs[0] = err
			}
			return errs
		},
	})})
	ticks := b.ticking()
	anonymous := b.post("subscription{ticks}").streaming()
	require.Eventually(t, func() bool { return b.handler.Streams() == 1 }, patience, time.Millisecond)
	r := b.post("subscription{ticks}", "Authorization", "Bearer a").streaming()
	answer.Store(problem.New(problem.Unavailable, "can't tell"))
	before := asked.Load()
	require.Eventually(t, func() bool { return asked.Load() > before+2 }, patience, time.Millisecond)
	require.Equal(t, 2, b.handler.Streams())
	answer.Store(problem.New(problem.Unauthenticated, "revoked"))
	require.Equal(t, ": the credentials have ended\n\n", r.cut())
	ticks <- "a"
	anonymous.next(`{"data":{"ticks":"a"}}`)
}

func TestExpiryEndsTheStream(t *testing.T) {
	t.Parallel()
	for _, left := range []time.Duration{-1, 50 * time.Millisecond} {
		b := setup(t, sseproto.Config{Credentials: credential.New(credential.Rules{
			Expiry: func(context.Context) time.Time { return time.Now().Add(left) },
		})})
		b.ticking()
		require.Contains(t, b.post("subscription{ticks}", "Authorization", "Bearer a").streaming().cut(), "credentials")
		b.empty()
	}
}

func TestAdmissionIsAskedAndReleased(t *testing.T) {
	t.Parallel()
	var open atomic.Int32
	var fail atomic.Pointer[error]
	b := setup(t, sseproto.Config{Admit: func(context.Context) (func(), error) {
		if err := fail.Load(); err != nil {
			return nil, *err
		}
		open.Add(1)
		return func() { open.Add(-1) }, nil
	}})
	b.ticking()
	r := b.post("subscription{ticks}").streaming()
	require.EqualValues(t, 1, open.Load())
	r.cancel()
	require.Eventually(t, func() bool { return open.Load() == 0 }, patience, time.Millisecond)

	limited := error(&problem.Error{Code: problem.RateLimited, Message: "too many", RetryAfter: 5 * time.Second})
	fail.Store(&limited)
	r = b.post("subscription{ticks}")
	r.refused(http.StatusTooManyRequests, "RATE_LIMITED")
	require.Equal(t, "5", r.header.Get("Retry-After"))
	secret := errors.New("secret")
	fail.Store(&secret)
	require.NotContains(t, b.post("subscription{ticks}").refused(http.StatusInternalServerError, "INTERNAL"), "secret")
}
