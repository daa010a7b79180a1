package identity_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent/apikey"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/identity"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

func request(t *testing.T, s *identity.Service) *identity.DeviceRequest {
	t.Helper()
	d, err := s.RequestDeviceCode(t.Context(), " zeblit on laptop ")
	require.NoError(t, err)
	return d
}

func exchange(t *testing.T, s *identity.Service, d *identity.DeviceRequest) *identity.DeviceAnswer {
	t.Helper()
	a, err := s.ExchangeDeviceCode(t.Context(), d.Code)
	require.NoError(t, err)
	if a.Status != enum.DeviceApproved {
		require.Equal(t, identity.DeviceAnswer{Status: a.Status}, *a)
	}
	return a
}

func TestADeviceSignsIn(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := newClock()
		s := start(t, db, c)
		tokens := signUp(t, s, "alice@example.com")
		alice := as(t, s, tokens.AccessToken)
		d := request(t, s)
		require.Regexp(t, `^zdc_[A-Za-z0-9_-]{43}$`, d.Code)
		require.Regexp(t, `^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$`, d.UserCode)
		require.WithinDuration(t, c.Now().Add(10*time.Minute), d.ExpiresAt, time.Millisecond)
		require.Equal(t, enum.DevicePending, exchange(t, s, d).Status)

		shown, err := s.DeviceCode(alice, strings.ToLower(strings.ReplaceAll(d.UserCode, "-", " ")))
		require.NoError(t, err)
		require.Equal(t, "zeblit on laptop", shown.ClientName)
		require.Equal(t, d.UserCode, shown.UserCode)
		decided, err := s.DecideDeviceCode(alice, d.UserCode, enum.DeviceApprove)
		require.NoError(t, err)
		require.Equal(t, "zeblit on laptop", decided.ClientName)
		_, err = s.DecideDeviceCode(alice, d.UserCode, enum.DeviceApprove)
		require.NoError(t, err, "a second click does no harm")
		_, err = s.DecideDeviceCode(alice, d.UserCode, enum.DeviceDeny)
		requireCode(t, err, problem.NotFound, "userCode")
		_, err = s.DeviceCode(alice, d.UserCode)
		requireCode(t, err, problem.NotFound, "userCode")

		a := exchange(t, s, d)
		require.Equal(t, enum.DeviceApproved, a.Status)
		require.Equal(t, tokens.User.ID, a.User.ID)
		require.Equal(t, "zeblit on laptop", a.Key.Name)
		viewer := access.ViewerFrom(as(t, s, a.Secret))
		require.Equal(t, access.Viewer{UserID: tokens.User.ID, KeyID: a.Key.ID}, *viewer)
		require.Equal(t, enum.DeviceExpired, exchange(t, s, d).Status, "it works once")

		rows, err := db.Ent.DeviceCode.Query().All(storetest.Unchecked(t.Context()))
		require.NoError(t, err)
		require.NotContains(t, fmt.Sprintf("%+v", rows), d.Code)
		_, err = db.Ent.DeviceCode.Query().All(alice)
		require.Error(t, err, "only actors read the table")
	})
}

func TestADeviceIsDenied(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := start(t, db, newClock())
		alice := as(t, s, signUp(t, s, "alice@example.com").AccessToken)
		d, other := request(t, s), request(t, s)
		_, err := s.DecideDeviceCode(alice, d.UserCode, enum.DeviceDeny)
		require.NoError(t, err)
		require.Equal(t, enum.DeviceDenied, exchange(t, s, d).Status)
		require.Equal(t, enum.DevicePending, exchange(t, s, other).Status)
		n, err := db.Ent.ApiKey.Query().Count(alice)
		require.NoError(t, err)
		require.Zero(t, n)
	})
}

func TestADeviceCodeExpires(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := newClock()
		s := start(t, db, c)
		alice := as(t, s, signUp(t, s, "alice@example.com").AccessToken)
		late, unused := request(t, s), request(t, s)
		_, err := s.DecideDeviceCode(alice, unused.UserCode, enum.DeviceApprove)
		require.NoError(t, err)
		c.Advance(10 * time.Minute)
		require.Equal(t, enum.DeviceExpired, exchange(t, s, late).Status)
		require.Equal(t, enum.DeviceExpired, exchange(t, s, unused).Status)
		_, err = s.DeviceCode(alice, late.UserCode)
		requireCode(t, err, problem.NotFound, "userCode")
		_, err = s.DecideDeviceCode(alice, late.UserCode, enum.DeviceApprove)
		requireCode(t, err, problem.NotFound, "userCode")

		c.Advance(time.Hour + time.Second)
		request(t, s)
		n, err := db.Ent.DeviceCode.Query().Count(storetest.Unchecked(t.Context()))
		require.NoError(t, err)
		require.Equal(t, 1, n, "old codes are forgotten")
		for _, code := range []string{"", "zdc_", "zdc_\x00", late.Code, late.Code + "x", "zdc_" + strings.Repeat("A", 43)} {
			a, err := s.ExchangeDeviceCode(t.Context(), code)
			require.NoError(t, err)
			require.Equal(t, enum.DeviceExpired, a.Status)
		}
	})
}

func TestADeviceInAHurryIsSlowedDown(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := newClock()
		s := start(t, db, c)
		alice := as(t, s, signUp(t, s, "alice@example.com").AccessToken)
		d := request(t, s)
		for _, step := range []struct {
			after time.Duration
			want  enum.DeviceCodeStatus
		}{
			{0, enum.DevicePending}, {time.Second, enum.DeviceSlowDown}, {3 * time.Second, enum.DeviceSlowDown},
			{5 * time.Second, enum.DevicePending}, {4500 * time.Millisecond, enum.DevicePending},
		} {
			c.Advance(step.after)
			require.Equal(t, step.want, exchange(t, s, d).Status)
		}
		_, err := s.DecideDeviceCode(alice, d.UserCode, enum.DeviceApprove)
		require.NoError(t, err)
		require.Equal(t, enum.DeviceApproved, exchange(t, s, d).Status)
	})
}

func TestOneOfManyExchangesWins(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := start(t, db, newClock())
		alice := as(t, s, signUp(t, s, "alice@example.com").AccessToken)
		d := request(t, s)
		_, err := s.DecideDeviceCode(alice, d.UserCode, enum.DeviceApprove)
		require.NoError(t, err)
		const callers = 6
		answers := make(chan *identity.DeviceAnswer, callers)
		for range callers {
			go func() {
				a, err := s.ExchangeDeviceCode(t.Context(), d.Code)
				if err != nil {
					a = &identity.DeviceAnswer{Secret: err.Error()}
				}
				answers <- a
			}()
		}
		got := map[enum.DeviceCodeStatus]int{}
		for range callers {
			a := <-answers
			got[a.Status]++
			require.NotEmpty(t, a.Status, a.Secret)
		}
		require.Equal(t, map[enum.DeviceCodeStatus]int{enum.DeviceApproved: 1, enum.DeviceExpired: callers - 1}, got)
		n, err := db.Ent.ApiKey.Query().Where(apikey.RevokedAtIsNil()).Count(alice)
		require.NoError(t, err)
		require.Equal(t, 1, n)
	})
}

func TestWhoMayDecide(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := start(t, db, newClock())
		tokens := signUp(t, s, "alice@example.com")
		alice := as(t, s, tokens.AccessToken)
		bob := as(t, s, signUp(t, s, "bob@example.com").AccessToken)
		_, secret, err := s.CreateAPIKey(alice, "key", nil, "")
		require.NoError(t, err)
		d := request(t, s)
		for who, c := range map[string]struct {
			ctx  context.Context
			code problem.Code
		}{
			"nobody":  {t.Context(), problem.Unauthenticated},
			"API key": {as(t, s, secret), problem.Forbidden},
			"agent":   {access.WithViewer(t.Context(), access.Viewer{UserID: tokens.User.ID, Agent: "engineer"}), problem.Forbidden},
		} {
			_, err := s.DeviceCode(c.ctx, d.UserCode)
			require.Truef(t, problem.Is(err, c.code), "%s: %v", who, err)
			_, err = s.DecideDeviceCode(c.ctx, d.UserCode, enum.DeviceApprove)
			require.Truef(t, problem.Is(err, c.code), "%s: %v", who, err)
		}
		for _, wrong := range []string{"", "WDJB", "AAAA-AAAA", "WDJB-MJHTX", "\x00", strings.Repeat("B", 1000), "' OR 1=1"} {
			_, err := s.DecideDeviceCode(alice, wrong, enum.DeviceApprove)
			requireCode(t, err, problem.NotFound, "userCode")
		}
		_, err = s.DecideDeviceCode(alice, d.UserCode, enum.DeviceApprove)
		require.NoError(t, err)
		for _, decision := range []enum.DeviceDecision{enum.DeviceApprove, enum.DeviceDeny} {
			_, err = s.DecideDeviceCode(bob, d.UserCode, decision)
			requireCode(t, err, problem.NotFound, "userCode")
		}
		_, err = s.DeviceCode(bob, d.UserCode)
		requireCode(t, err, problem.NotFound, "userCode")
		require.Equal(t, tokens.User.ID, exchange(t, s, d).User.ID)
	})
}

func TestADeviceNeedsRoomForItsKey(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := start(t, db, newClock())
		alice := as(t, s, signUp(t, s, "alice@example.com").AccessToken)
		first, second := request(t, s), request(t, s)
		_, err := s.DecideDeviceCode(alice, first.UserCode, enum.DeviceApprove)
		require.NoError(t, err)
		var last string
		for range 20 {
			key, _, err := s.CreateAPIKey(alice, "key", nil, "")
			require.NoError(t, err)
			last = key.ID
		}
		_, err = s.DecideDeviceCode(alice, second.UserCode, enum.DeviceApprove)
		requireCode(t, err, problem.PreconditionFailed, "")
		_, err = s.ExchangeDeviceCode(t.Context(), first.Code)
		requireCode(t, err, problem.PreconditionFailed, "")
		_, err = s.RevokeAPIKey(alice, last)
		require.NoError(t, err)
		require.Equal(t, enum.DeviceApproved, exchange(t, s, first).Status, "the code was not used up")
	})
}

func TestRequestDeviceCodeChecksTheName(t *testing.T) {
	t.Parallel()
	s := start(t, storetest.SQLite(t), newClock())
	for _, name := range []string{"", " ", "a\nb", "a\u202eb", "a\u2066b", "a\u2028b", strings.Repeat("x", 121)} {
		_, err := s.RequestDeviceCode(t.Context(), name)
		requireCode(t, err, problem.BadInput, "clientName")
	}
}

func TestTheLimitIsAskedFirst(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var asked []string
		var refuse error
		s := identity.New(db, identity.Options{SignUpOpen: true, Limit: func(_ context.Context, name, key string) error {
			asked = append(asked, name+" "+key)
			return refuse
		}}.Cheap())
		require.NoError(t, s.Start(t.Context()))
		tokens := signUp(t, s, "alice@example.com")
		alice := as(t, s, tokens.AccessToken)
		_, err := s.SignIn(t.Context(), " Alice@Example.com", password)
		require.NoError(t, err)
		d := request(t, s)
		_, err = s.DeviceCode(alice, d.UserCode)
		require.NoError(t, err)
		_, err = s.DecideDeviceCode(alice, "BBBB-BBBB", enum.DeviceApprove)
		requireCode(t, err, problem.NotFound, "userCode")
		require.Equal(t, []string{
			"sign-up ", "sign-in alice@example.com", "device-code ", "device-lookup " + tokens.User.ID, "device-lookup " + tokens.User.ID,
		}, asked)

		refuse = problem.New(problem.RateLimited, "too often")
		var errs []error
		try := func(err error) { errs = append(errs, err) }
		_, err = s.SignUp(t.Context(), "bob@example.com", password, "Bob")
		try(err)
		_, err = s.SignIn(t.Context(), "alice@example.com", password)
		try(err)
		_, err = s.RequestDeviceCode(t.Context(), "x")
		try(err)
		_, err = s.DeviceCode(alice, d.UserCode)
		try(err)
		_, err = s.DecideDeviceCode(alice, d.UserCode, enum.DeviceApprove)
		try(err)
		for _, err := range errs {
			require.ErrorIs(t, err, refuse)
		}
		refuse = errors.New("the limiter broke")
		_, err = s.SignIn(t.Context(), "alice@example.com", password)
		require.ErrorIs(t, err, refuse)
	})
}
