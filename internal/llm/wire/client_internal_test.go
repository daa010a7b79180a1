package wire

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// frozen passes connections on to a server, until the first is frozen: it stays open,
// and nothing goes through any more.
type frozen struct {
	net.Listener
	server string
	stop   atomic.Bool
	conns  atomic.Int32
	all    sync.WaitGroup
}

func (f *frozen) accept() {
	for {
		from, err := f.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp", f.server)
		if err != nil {
			_ = from.Close()
			continue
		}
		first := f.conns.Add(1) == 1
		for _, pair := range [][2]net.Conn{{from, to}, {to, from}} {
			f.all.Go(func() { f.pass(pair[0], pair[1], first) })
		}
	}
}

func (f *frozen) pass(from, to net.Conn, first bool) {
	defer func() { _ = from.Close() }()
	defer func() { _ = to.Close() }()
	p := make([]byte, 4096)
	for {
		n, err := from.Read(p)
		if err != nil {
			return
		}
		if first && f.stop.Load() {
			continue
		}
		if _, err := to.Write(p[:n]); err != nil {
			return
		}
	}
}

// A connection that several calls share and that has died takes only the calls on it:
// who tries again gets another one.
func TestADeadConnectionIsLeft(t *testing.T) {
	t.Parallel()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Proto)
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	f := &frozen{Listener: l, server: srv.Listener.Addr().String()}
	f.all.Go(f.accept)
	defer f.all.Wait()
	defer func() { _ = l.Close() }()

	transport, ok := newTransport(time.Second).(*http.Transport)
	require.True(t, ok)
	transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // the test's own server
	defer transport.CloseIdleConnections()
	get := func() (string, error) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+l.Addr().String(), strings.NewReader(""))
		require.NoError(t, err)
		res, err := transport.RoundTrip(req)
		if err != nil {
			return "", err
		}
		defer func() { _ = res.Body.Close() }()
		body, err := io.ReadAll(res.Body)
		return string(body), err
	}
	proto, err := get()
	require.NoError(t, err)
	require.Equal(t, "HTTP/2.0", proto)
	f.stop.Store(true)
	_, err = get()
	require.Error(t, err)
	_, err = get()
	require.NoError(t, err)
	require.EqualValues(t, 2, f.conns.Load())
}
