package server_test

import (
	"bufio"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/server"
	"github.com/zeblit/zeblit/internal/server/room"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/workspace"
)

// setupTaking is a server with room for one file that is more than a connection takes by
// itself, and a small one.
func setupTaking(t *testing.T, limits room.Limits) *filesBundle {
	t.Helper()
	limits.Large = 20 << 20
	b := setupFilesWith(t, storetest.SQLite(t), func(o *server.Options) { o.Taking = limits })
	large, small := strings.Repeat("\x00", 16<<20), "small"
	_, err := b.files.Commit(b.ctx, workspace.Main(b.project.ID), workspace.Author{}, "m",
		workspace.Change{Path: "large", Content: &large}, workspace.Change{Path: "small", Content: &small})
	require.NoError(t, err)
	return b
}

// take begins to have the large file; the caller reads what comes, or nothing.
func (b *filesBundle) take() (net.Conn, *http.Response) {
	b.t.Helper()
	c, err := (&net.Dialer{Timeout: patience}).DialContext(b.t.Context(), "tcp", b.addr)
	require.NoError(b.t, err)
	b.t.Cleanup(func() { _ = c.Close() })
	require.NoError(b.t, c.(*net.TCPConn).SetReadBuffer(4<<10))
	require.NoError(b.t, c.SetDeadline(time.Now().Add(patience)))
	request, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.url+b.path("/files?path=large"), nil)
	require.NoError(b.t, err)
	request.Header.Set("Authorization", "Bearer "+b.key)
	require.NoError(b.t, request.Write(c))
	resp, err := http.ReadResponse(bufio.NewReader(c), request)
	require.NoError(b.t, err)
	return c, resp
}

func TestWhatClientsTakeIsBounded(t *testing.T) {
	t.Parallel()
	b := setupTaking(t, room.Limits{Turn: 200 * time.Millisecond})
	slow, resp := b.take() //nolint:bodyclose // nothing of it is read
	require.Equal(t, http.StatusOK, resp.StatusCode)

	for _, got := range []reply{b.get("large"), b.do(http.MethodGet, b.path("/archive"), "", b.with()...)} {
		require.Equal(t, http.StatusServiceUnavailable, got.status)
		require.Equal(t, "UNAVAILABLE", code(t, got.raw))
		require.Equal(t, "1", got.header.Get("Retry-After"))
		require.Empty(t, got.header.Get("ETag")+got.header.Get("Content-Disposition"), "it is an error and no file")
	}
	require.Equal(t, http.StatusNotModified, b.get("large", "If-None-Match", resp.Header.Get("ETag")).status, "who has it needs no room")
	require.Equal(t, "small", b.get("small").raw)

	require.NoError(t, slow.Close())
	require.Eventually(t, func() bool { return b.get("large").status == http.StatusOK }, patience, 10*time.Millisecond)
}

func TestWhoTakesNothingIsCut(t *testing.T) {
	t.Parallel()
	b := setupTaking(t, room.Limits{Pause: 5 * time.Second, Turn: patience})
	b.take() //nolint:bodyclose // nothing of it is read
	got := b.get("large")
	require.Equal(t, http.StatusOK, got.status, "its room is free long before the kernel gives such a connection up")
	require.Len(t, got.raw, 16<<20)
}
