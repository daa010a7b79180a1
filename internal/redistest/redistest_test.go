package redistest_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSharedServerIsOne(t *testing.T) {
	t.Parallel()
	url := redistest.URL(t)
	require.NotEmpty(t, url)
	require.Equal(t, url, redistest.URL(t))
}

func TestPrivateServerStopsAndStarts(t *testing.T) {
	t.Parallel()
	s := redistest.Private(t)
	path := strings.TrimPrefix(s.URL(), "unix://")
	require.Equal(t, "+PONG\r\n", ask(t, path, "PING", time.Minute))
	require.Equal(t, "+OK\r\n", ask(t, path, "SET a b", time.Minute))
	s.Stop()
	_, err := net.Dial("unix", path)
	require.Error(t, err)
	s.Start()
	require.Equal(t, "$-1\r\n", ask(t, path, "GET a", time.Minute))
	s.Pause()
	require.Empty(t, ask(t, path, "PING", 500*time.Millisecond))
	s.Resume()
	require.Equal(t, "+PONG\r\n", ask(t, path, "PING", time.Minute))
	require.NotEqual(t, s.URL(), redistest.Private(t).URL())
}

// ask returns what the server says to a command within some time; nothing when it says nothing.
func ask(t *testing.T, path, command string, within time.Duration) string {
	t.Helper()
	c, err := net.Dial("unix", path)
	require.NoError(t, err)
	defer func() { _ = c.Close() }()
	require.NoError(t, c.SetDeadline(time.Now().Add(within)))
	_, err = c.Write([]byte(command + "\r\n"))
	require.NoError(t, err)
	answer := make([]byte, 64)
	n, _ := c.Read(answer)
	return string(answer[:n])
}
