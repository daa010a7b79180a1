package server_test

import (
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/server"
)

// A dead connection is the kernel's to notice, and within 30 s: idle ones by probes,
// the others by what is not acknowledged.
func TestTheKernelIsToldHowLongToWait(t *testing.T) {
	t.Parallel()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	client, err := new(net.Dialer).DialContext(t.Context(), "tcp", listener.Addr().String())
	require.NoError(t, err)
	defer func() { _ = client.Close() }()
	conn, err := listener.Accept()
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()

	web := server.HTTPServer(http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	web.ConnContext(t.Context(), conn)
	raw, err := conn.(*net.TCPConn).SyscallConn()
	require.NoError(t, err)
	option := func(name int) (value int) {
		require.NoError(t, raw.Control(func(fd uintptr) {
			value, err = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, name)
		}))
		require.NoError(t, err)
		return value
	}
	const userTimeout = 0x12 // TCP_USER_TIMEOUT, in milliseconds
	require.Equal(t, 16_000, option(userTimeout))
	require.Equal(t, 16, option(syscall.TCP_KEEPIDLE)+3*option(syscall.TCP_KEEPINTVL))
	require.Equal(t, 3, option(syscall.TCP_KEEPCNT))
}
