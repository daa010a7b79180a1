package identity_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

func TestManyCredentialsAreRevalidatedTogether(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := start(t, db, newClock())
		var all []access.Viewer
		var want []bool
		for i := range 6 {
			tokens := signUp(t, s, fmt.Sprintf("user%d@example.com", i))
			session := as(t, s, tokens.AccessToken)
			key, secret, err := s.CreateAPIKey(session, "a key", nil, "")
			require.NoError(t, err)
			keyed, err := s.Authenticate(t.Context(), "Bearer "+secret)
			require.NoError(t, err)
			if i%2 == 0 {
				_, err = s.RevokeAPIKey(session, key.ID)
				require.NoError(t, err)
			}
			if i%3 == 0 {
				require.NoError(t, s.SignOut(session))
			}
			viewer := *access.ViewerFrom(session)
			all = append(all, viewer, *access.ViewerFrom(keyed), access.Viewer{UserID: viewer.UserID, Agent: "engineer"},
				access.Viewer{UserID: "usr_other", SessionID: viewer.SessionID}, access.Viewer{UserID: "usr_other", KeyID: key.ID})
			want = append(want, i%3 != 0, i%2 != 0, true, false, false)
		}
		good, err := s.Good(t.Context(), append(all, access.Viewer{UserID: "usr_nobody"}, access.Viewer{}))
		require.NoError(t, err)
		require.Equal(t, append(want, false, false), good)
		good, err = s.Good(t.Context(), nil)
		require.NoError(t, err)
		require.Empty(t, good)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = s.Good(ended, all)
		require.Error(t, err)
	})
}
