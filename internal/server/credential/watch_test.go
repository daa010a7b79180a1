package credential_test

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/server/credential"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// watch starts one whose Revalidate says what answer returns.
func watch(ctx context.Context, expires time.Time, answer func() error) (w *credential.Watch, ended *atomic.Int32) {
	ended = new(atomic.Int32)
	rules := credential.Rules{
		Expiry:     func(context.Context) time.Time { return expires },
		Revalidate: func(context.Context) error { return answer() },
		Logger:     slog.New(slog.DiscardHandler),
	}
	return rules.Start(ctx, func() { ended.Add(1) }), ended
}

func TestCredentialsEndAtTheirExpiry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fine := func() error { return nil }
		w, ended := watch(t.Context(), time.Now().Add(time.Minute), fine)
		time.Sleep(time.Minute - time.Nanosecond)
		synctest.Wait()
		require.Zero(t, ended.Load())
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		require.EqualValues(t, 1, ended.Load())
		w.Stop()
		w.Wait()

		w, _ = watch(t.Context(), time.Now(), fine)
		require.Nil(t, w, "they have ended already")
		w.Stop()
		w.Wait()
	})
}

func TestRevocationIsNoticedWithinTwoSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, end := range []func() error{
			func() error { return problem.New(problem.Unauthenticated, "revoked") },
			func() error { return errors.New("odd") },
			func() error { panic("secret") },
		} {
			var answer atomic.Value
			answer.Store(func() error { return nil })
			w, ended := watch(t.Context(), time.Time{}, func() error { return answer.Load().(func() error)() })
			time.Sleep(time.Hour)
			for _, undecided := range []error{problem.New(problem.Unavailable, "down"), context.DeadlineExceeded, context.Canceled} {
				answer.Store(func() error { return undecided })
				time.Sleep(time.Minute)
			}
			require.Zero(t, ended.Load())
			answer.Store(end)
			time.Sleep(2 * time.Second)
			synctest.Wait()
			require.EqualValues(t, 1, ended.Load())
			w.Stop()
			w.Wait()
		}
	})
}

func TestNothingIsAskedAfterStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		asked, release := 0, make(chan struct{})
		w, ended := watch(ctx, time.Time{}, func() error { asked++; <-release; return nil })
		time.Sleep(2 * time.Second)
		synctest.Wait()
		w.Stop()
		cancel()
		close(release)
		w.Wait()
		time.Sleep(time.Hour)
		require.Equal(t, 1, asked)
		require.Zero(t, ended.Load())
	})
}
