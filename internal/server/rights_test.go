package server_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/access"
)

func TestRevokedCredentialsEndTheirSocketsAndStreams(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.schema.Ticks = func(context.Context) <-chan string { return nil }
	person := access.WithViewer(t.Context(), b.viewer)
	made, revoked, err := b.people.CreateAPIKey(person, "other", nil, "")
	require.NoError(t, err)
	query := object{"query": "subscription { ticks }"}
	var closed, open []*websocket.Conn
	for range 3 {
		closed, open = append(closed, b.socket(revoked)), append(open, b.socket(b.key))
	}
	stream := b.start(http.MethodPost, "/graphql", strings.NewReader(jsonOf(t, query)), //nolint:bodyclose // start's cleanup does
		"Content-Type", plain, "Accept", events, "Authorization", "Bearer "+revoked)
	require.Equal(t, http.StatusOK, stream.StatusCode)
	_, err = b.people.RevokeAPIKey(person, made.ID)
	require.NoError(t, err)
	for _, ws := range closed {
		_, _, err := ws.ReadMessage()
		require.True(t, websocket.IsCloseError(err, 4403), "%v", err)
	}
	require.Eventually(t, func() bool { return b.server.Stats().Streams == 0 }, patience, time.Millisecond)
	for _, ws := range open {
		require.NoError(t, ws.WriteJSON(object{"type": "ping"}))
		var pong object
		require.NoError(t, ws.ReadJSON(&pong))
		require.Equal(t, "pong", pong["type"])
	}
	require.Eventually(t, func() bool { return b.server.Stats().Sockets == 3 }, patience, time.Millisecond)
}
