package workspace_test

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/workspace"
)

// The objects of a project that is being deleted go one by one: a repository that lacks
// some is nobody's damage, and nothing is added to it.
func TestADeletedProjectIsNotRepacked(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		for i := range 50 {
			b.commit(t, write("a", fmt.Sprint(i)))
		}
		repacker := workspace.NewRepacker(b.Workspace, slog.New(slog.DiscardHandler))
		many := func() {
			require.NoError(t, db.Ent.GitStorage.Update().SetLoose(3000).Exec(storetest.Unchecked(b.ctx)))
			require.NoError(t, workspace.All(access.As(b.ctx, access.Maintenance), repacker))
		}
		packs := func() int { return db.Ent.GitPack.Query().CountX(storetest.Unchecked(b.ctx)) }
		_, err := db.SQL.ExecContext(b.ctx, "UPDATE streams SET head = -1 - head")
		require.NoError(t, err)
		many()
		require.Zero(t, packs())
		_, err = db.SQL.ExecContext(b.ctx, "UPDATE streams SET head = -1 - head")
		require.NoError(t, err)
		many()
		require.Equal(t, 1, packs())
	})
}
