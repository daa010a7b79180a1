package graph_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

func TestOnlyMembersGetLinksToPreviews(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		ada, eve := storetest.User(t, db, "ada@example.com"), storetest.User(t, db, "eve@example.com")
		v := map[string]any{"p": storetest.Project(t, db, ada, "P").ID}
		const link = `mutation($p: ID!) { createPreviewLink(input: {projectId: $p, path: "/a?b=c"}) { url expiresAt } }`
		made := at(b.do(as(ada), t, link, v), "createPreviewLink", "url").(string)
		require.Regexp(t, `^https://prj-[a-z0-9]{26}\.preview\.example/a\?b=c&zeblit_token=ey`, made)
		_, extensions := b.try(as(eve), t, link, v)
		require.Equal(t, map[string]any{"code": "NOT_FOUND", "field": "projectId"}, extensions)
	})
}
