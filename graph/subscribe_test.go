package graph_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/graph/share"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

// A transport is told which events are of before the subscription: those may be sent as
// slowly as the client reads, and what happens now may not.
func TestATransportIsToldWhatIsCaughtUpWith(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b, ada := setup(t, db), storetest.User(t, db, "ada@example.com")
		id := b.create(t, ada, "Before")
		rename := func(name string) {
			b.do(as(ada), t, `mutation($id: ID!, $name: String!) { updateProject(input: {projectId: $id, name: $name}) { project { name } } }`, object{"id": id, "name": name})
		}
		rename("one")
		rename("two")
		ctx, cancel := context.WithTimeout(as(ada), time.Minute)
		defer cancel()
		ctx, offer := share.WithOffer(ctx)
		next := b.start(ctx, t, `subscription($id: ID!) { projectEvents(projectId: $id, after: "start") { seq actor { ... on User { id } } } }`, object{"id": id})
		for range 2 {
			require.NotNil(t, next())
		}
		require.Nil(t, offer.Taken(), "who did it is not of the log alone")
		require.True(t, offer.CatchingUp())
		rename("three")
		require.NotNil(t, next())
		require.False(t, offer.CatchingUp())
		cancel()
		require.Nil(t, next())
	})
}
