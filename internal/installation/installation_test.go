package installation_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/installation"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestThereIsOneInstallation(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		const callers = 8
		ids := make(chan string, callers)
		errs := make(chan error, callers)
		for range callers {
			go func() {
				id, err := installation.ID(t.Context(), db)
				ids <- id
				errs <- err
			}()
		}
		first := ""
		for range callers {
			require.NoError(t, <-errs)
			id := <-ids
			require.Regexp(t, `^ins_[0-9a-z]{26}$`, id)
			if first == "" {
				first = id
			}
			require.Equal(t, first, id)
		}
		again, err := installation.ID(t.Context(), db)
		require.NoError(t, err)
		require.Equal(t, first, again)

		all := storetest.Unchecked(t.Context())
		for _, n := range []int{1, 2} { // the schema itself has no room for another
			require.Error(t, db.Ent.Installation.Create().SetSingle(n).Exec(all))
		}
		_, err = db.Ent.Installation.Query().Count(t.Context())
		require.Error(t, err, "nobody reads it without a right")
	})
}
