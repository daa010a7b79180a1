package store_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/store"
)

// TestAServerThatSaysNothingIsNotWaitedFor connects to one that accepts and no more, as a
// machine does whose PostgreSQL hangs.
func TestAServerThatSaysNothingIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	db, err := store.OpenPostgres("postgres://ada@" + l.Addr().String() + "/zeblit?sslmode=disable")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	begun := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	require.Error(t, db.Ping(ctx))
	require.Less(t, time.Since(begun), 20*time.Second)
}
