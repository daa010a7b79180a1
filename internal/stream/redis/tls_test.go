package redis_test

import (
	"crypto/tls"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/redistest"
)

// overTLS puts TLS before a server, and returns its URL. Everything ends with the test.
func overTLS(t *testing.T, server *redistest.Server) string {
	t.Helper()
	web := httptest.NewTLSServer(nil) // for its certificate
	certificates := web.TLS.Certificates
	web.Close()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: certificates})
	require.NoError(t, err)
	var work sync.WaitGroup
	work.Go(func() {
		for {
			front, err := listener.Accept()
			if err != nil {
				return
			}
			back, err := net.Dial("unix", strings.TrimPrefix(server.URL(), "unix://"))
			if err != nil {
				_ = front.Close()
				continue
			}
			for _, pipe := range [][2]net.Conn{{front, back}, {back, front}} {
				work.Go(func() {
					_, _ = io.Copy(pipe[0], pipe[1])
					_, _ = pipe[0].Close(), pipe[1].Close()
				})
			}
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		server.Stop() // which ends what is connected to it
		work.Wait()
	})
	return "rediss://" + listener.Addr().String()
}

func TestTLS(t *testing.T) {
	t.Parallel()
	url := overTLS(t, redistest.Private(t))
	require.Error(t, client(t, url).Ping(t.Context()).Err(), "the certificate is nobody's")

	url += "?skip_verify=true"
	id := installation()
	a, b := running(t, url, id), running(t, url, id)
	l := listen(t, b, "prj_a")
	l.connected(t)
	healthy(t, a, b)
	say(t, a, "prj_a", 1)
	l.requireHears(t, 1)
}
