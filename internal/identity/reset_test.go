package identity_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/user"
	"github.com/zeblit/zeblit/internal/identity"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

func TestResetPassword(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := start(t, db, newClock())
		tokens := signUp(t, s, "alice@example.com")
		alice, bob := as(t, s, tokens.AccessToken), signUp(t, s, "bob@example.com")
		_, secret, err := s.CreateAPIKey(alice, "key", nil, "")
		require.NoError(t, err)
		d := request(t, s)
		_, err = s.DecideDeviceCode(alice, d.UserCode, enum.DeviceApprove)
		require.NoError(t, err)

		done, err := s.ResetPassword(t.Context(), "Alice@example.com", "another password", false)
		require.NoError(t, err)
		require.Equal(t, identity.Reset{Email: "alice@example.com", Sessions: 1}, *done)
		requireRefused(t, s, "Bearer "+tokens.AccessToken)
		_, err = s.Refresh(t.Context(), tokens.RefreshToken)
		requireCode(t, err, problem.Unauthenticated, "")
		require.Equal(t, enum.DeviceExpired, exchange(t, s, d).Status, "what the old password approved")
		as(t, s, secret)
		as(t, s, bob.AccessToken)
		_, err = s.SignIn(t.Context(), "alice@example.com", password)
		requireCode(t, err, problem.Unauthenticated, "")
		_, err = s.SignIn(t.Context(), "alice@example.com", "another password")
		require.NoError(t, err)

		done, err = s.ResetPassword(t.Context(), "alice@example.com", identity.NewPassword(), true)
		require.NoError(t, err)
		require.Equal(t, identity.Reset{Email: "alice@example.com", Sessions: 1, Keys: 1}, *done)
		requireRefused(t, s, "Bearer "+secret)

		_, err = s.ResetPassword(t.Context(), "alice@example.com", "short", false)
		requireCode(t, err, problem.BadInput, "password")
		_, err = s.ResetPassword(t.Context(), "nobody@example.com", "long enough", false)
		requireCode(t, err, problem.NotFound, "email")
		_, err = s.ResetPassword(t.Context(), "no address", "long enough", false)
		requireCode(t, err, problem.BadInput, "email")
	})
}

func TestResetPasswordOfTheOnlyOwner(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := start(t, db, newClock())
		_, err := s.ResetPassword(t.Context(), "", "long enough", false)
		requireCode(t, err, problem.PreconditionFailed, "")
		owner, err := s.EnsureOwner(t.Context())
		require.NoError(t, err)
		done, err := s.ResetPassword(t.Context(), "", "long enough", false)
		require.NoError(t, err)
		require.Equal(t, owner.Email, done.Email)
		_, err = s.SignIn(t.Context(), owner.Email, "long enough")
		require.NoError(t, err)

		signUp(t, s, "alice@example.com")
		all := storetest.Unchecked(t.Context())
		require.NoError(t, db.Ent.User.Update().Where(user.Email("alice@example.com")).SetAdmin(true).Exec(all))
		_, err = s.ResetPassword(t.Context(), "", "long enough", false)
		requireCode(t, err, problem.PreconditionFailed, "")
	})
}
