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

// keeper has a Revalidate that says about each what answer says.
func keeper(expires func(context.Context) time.Time, name func(context.Context) string, answer func(context.Context) error) *credential.Keeper {
	return credential.New(credential.Rules{
		Expiry: expires, Name: name, Logger: slog.New(slog.DiscardHandler),
		Revalidate: func(_ context.Context, holders []context.Context) (errs []error) {
			for _, holder := range holders {
				errs = append(errs, answer(holder))
			}
			return errs
		},
	})
}

func fine(context.Context) error { return nil }

func TestCredentialsEndAtTheirExpiry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var expires time.Time
		k := keeper(func(context.Context) time.Time { return expires }, func(context.Context) string { return "one" }, fine)
		var ended [3]atomic.Int32
		var watches []*credential.Watch
		for i, after := range []time.Duration{time.Minute, 1500 * time.Millisecond, time.Hour} {
			expires = time.Now().Add(after)
			w, ok := k.Watch(t.Context(), func() { ended[i].Add(1) })
			require.True(t, ok)
			watches = append(watches, w)
		}
		time.Sleep(1500*time.Millisecond - time.Nanosecond)
		synctest.Wait()
		require.Zero(t, ended[1].Load())
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		require.EqualValues(t, 1, ended[1].Load())
		time.Sleep(time.Minute - 1500*time.Millisecond - time.Nanosecond)
		synctest.Wait()
		require.Zero(t, ended[0].Load())
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		require.EqualValues(t, 1, ended[0].Load())
		require.Zero(t, ended[2].Load(), "the credential has one name, but each came with an expiry of its own")

		expires = time.Now()
		w, ok := k.Watch(t.Context(), func() {})
		require.False(t, ok, "they have ended already")
		w.Stop()
		for _, w := range watches {
			w.Stop()
		}
		k.Wait()
		w, ok = (*credential.Keeper)(nil).Watch(t.Context(), nil)
		require.True(t, ok)
		w.Stop()
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
			k := keeper(nil, nil, func(context.Context) error { return answer.Load().(func() error)() })
			var ended atomic.Int32
			w, ok := k.Watch(t.Context(), func() { ended.Add(1) })
			require.True(t, ok)
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
			w.Stop()
			k.Wait()
		}
	})
}

type nameKey struct{}

func TestACredentialIsAskedAboutOnceForAllItsConnections(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked []string
		var revoked atomic.Value
		revoked.Store("")
		name := func(ctx context.Context) string { return ctx.Value(nameKey{}).(string) }
		k := keeper(nil, name, func(ctx context.Context) error {
			asked = append(asked, name(ctx))
			if name(ctx) == revoked.Load() {
				return problem.New(problem.Unauthenticated, "revoked")
			}
			return nil
		})
		ended := map[string]*atomic.Int32{"a": {}, "b": {}}
		var watches []*credential.Watch
		for i := range 100 {
			credential := []string{"a", "b"}[i%2]
			w, _ := k.Watch(context.WithValue(t.Context(), nameKey{}, credential), func() { ended[credential].Add(1) })
			watches = append(watches, w)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.ElementsMatch(t, []string{"a", "b"}, asked)
		watches[0].Stop() // the one it was asked with, perhaps
		revoked.Store("a")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.EqualValues(t, 49, ended["a"].Load())
		require.Zero(t, ended["b"].Load())
		for _, w := range watches {
			w.Stop()
		}
		k.Wait()
	})
}

func TestNothingIsAskedAfterStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked, release := 0, make(chan struct{})
		k := keeper(nil, nil, func(context.Context) error { asked++; <-release; return errors.New("revoked") })
		var ended atomic.Int32
		w, _ := k.Watch(t.Context(), func() { ended.Add(1) })
		time.Sleep(2 * time.Second)
		synctest.Wait()
		w.Stop()
		close(release)
		k.Wait()
		time.Sleep(time.Hour)
		require.Equal(t, 1, asked)
		require.Zero(t, ended.Load())
	})
}

func TestAHangingQuestionKeepsNothingFromExpiring(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		k := credential.New(credential.Rules{
			Expiry: func(context.Context) time.Time { return time.Now().Add(5 * time.Second) },
			Revalidate: func(ctx context.Context, holders []context.Context) []error {
				asked++
				<-ctx.Done()
				return make([]error, len(holders))
			},
		})
		var ended atomic.Int32
		w, _ := k.Watch(t.Context(), func() { ended.Add(1) })
		time.Sleep(5 * time.Second)
		synctest.Wait()
		require.EqualValues(t, 1, ended.Load())
		require.Equal(t, 1, asked)
		w.Stop()
		k.Wait()
	})
}
