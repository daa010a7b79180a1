package server_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func (b *testBundle) raw(text string) net.Conn {
	b.t.Helper()
	c, err := (&net.Dialer{Timeout: patience}).DialContext(b.t.Context(), "tcp", b.addr)
	require.NoError(b.t, err)
	b.t.Cleanup(func() { _ = c.Close() })
	_, err = io.WriteString(c, text)
	require.NoError(b.t, err)
	require.NoError(b.t, c.SetReadDeadline(time.Now().Add(patience)))
	return c
}

// What never ends is cut off by the server: the client here waits for that alone.
func TestRequestsThatNeverEndAreCutOff(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	const post = "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	headers := []net.Conn{
		b.raw(""),
		b.raw("POST /gra"),
		b.raw("POST /graphql HTTP/1.1\r\nHost: x\r\nX-A: b\r\n"),
	}
	bodies := []net.Conn{
		b.raw(post + "Content-Length: 1000\r\n\r\n{\"query\":"),
		b.raw(post + "Transfer-Encoding: chunked\r\n\r\n2\r\n{\"\r\n"),
		b.raw(post + "Accept: text/event-stream\r\nContent-Length: 1000\r\n\r\n{"),
	}
	trickle, stop := context.WithCancel(t.Context())
	var trickling sync.WaitGroup
	trickling.Go(func() { // a byte now and then wins no time
		for trickle.Err() == nil {
			for _, c := range []net.Conn{headers[2], bodies[0]} {
				_, _ = io.WriteString(c, "x")
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
	for _, c := range headers {
		_, err := io.ReadAll(c)
		requireClosed(t, err)
	}
	for _, c := range bodies {
		answer, err := io.ReadAll(c)
		requireClosed(t, err)
		require.Contains(t, string(answer), "408 Request Timeout")
		require.Contains(t, string(answer), `"code":"BAD_USER_INPUT"`)
	}
	stop()
	trickling.Wait()
}

// requireClosed accepts the end and a reset, which a close may become that leaves
// something unread.
func requireClosed(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		require.ErrorIs(t, err, syscall.ECONNRESET)
	}
}

// The deadline for reading a request must not end an operation that takes longer.
func TestAnOperationMayTakeLongerThanItsRequest(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	entered := make(chan error)
	b.schema.Slow = slowFor(entered)
	c := b.raw("POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 18\r\n\r\n{\"query\":\"{slow}\"}")
	require.NoError(t, <-entered, "the operation was cancelled")
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, 200, resp.StatusCode)
}

func TestTooLongHeadersAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	got := b.do(http.MethodGet, "/graphql?query={name}", "", "X-Long", strings.Repeat("x", 64<<10))
	require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, got.status)
}

// slowFor is an operation that outlasts the server's time for reading a request, and
// tells whether its context did as well.
func slowFor(outlasted chan<- error) func(context.Context) string {
	return func(ctx context.Context) string {
		select {
		case <-ctx.Done():
		case <-time.After(11 * time.Second):
		}
		outlasted <- ctx.Err()
		return "done"
	}
}
