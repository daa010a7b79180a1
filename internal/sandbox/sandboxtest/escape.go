package sandboxtest

import (
	"archive/tar"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/redistest"
	"github.com/zeblit/zeblit/internal/sandbox"
	"github.com/zeblit/zeblit/internal/store/pgtest"
)

// Escape tries what a command may do to get out, or to take more than its share.
func Escape(t *testing.T, bench Bench) {
	b := &bench
	t.Run("Bombs", func(t *testing.T) { bombs(t, b) }) // alone, as it measures the host
	for name, test := range map[string]func(*testing.T, *Bench){
		"Kernel":     kernel,
		"ProcessOne": processOne,
		"Network":    network,
		"Races":      races,
		"Links":      links,
		"Projects":   projects,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, b)
		})
	}
}

// armed is a sandbox with the program that tries things.
func (b *Bench) armed(t *testing.T, limits sandbox.Limits) sandbox.Sandbox {
	t.Helper()
	box := b.box(t, limits)
	arm(t, box)
	return box
}

func arm(t *testing.T, box sandbox.Sandbox) {
	t.Helper()
	content, err := os.ReadFile(Program(t))
	require.NoError(t, err)
	require.NoError(t, box.Put(t.Context(), "tools", pack(t, tar.Header{Name: "try", Mode: 0o755}, string(content))))
}

// refused runs attempts that must all fail, and returns how many.
func refused(t *testing.T, box sandbox.Sandbox, argv ...string) int {
	t.Helper()
	r := run(t, box, sandbox.Command{Argv: append([]string{"/work/tools/try"}, argv...)})
	require.Zero(t, r.Code, r.out+r.err)
	require.NotContains(t, r.out, "BREACH")
	t.Logf("%s", r.out)
	return strings.Count(r.out, "refused ")
}

func kernel(t *testing.T, b *Bench) {
	box := b.armed(t, sandbox.Limits{})
	require.Greater(t, refused(t, box, "system"), 30)
	require.Greater(t, refused(t, box, "proc"), 30)
	require.Equal(t, 13, refused(t, box, "sockets"))
	require.Equal(t, "fine", must(t, box, "echo fine"))
}

// processOne is still there after all that can be sent to it.
func processOne(t *testing.T, b *Bench) {
	box := b.armed(t, sandbox.Limits{})
	require.Equal(t, 71, refused(t, box, "one"))
	require.Equal(t, "fine", must(t, box, "echo fine"))
	shell(t, box, "kill -9 1; kill -9 -1") // which takes itself at most
	require.Equal(t, "fine", must(t, box, "echo fine"))
	// What runs inside may be executed, but not seen.
	for _, name := range []string{"/run/zeblit/inside", "/zeblit/inside"} {
		require.NotZero(t, shell(t, box, "cat "+name+" >/dev/null").Code)
		require.NotZero(t, shell(t, box, "sleep 3 | "+name+" sandbox-connect").Code, "nor spoken to")
	}
}

// network is none: neither the host's services, nor the cloud's, nor names.
func network(t *testing.T, b *Bench) {
	box := b.armed(t, sandbox.Limits{})
	database, err := pgtest.Server()
	require.NoError(t, err)
	cache, err := url.Parse(redistest.URL(t))
	require.NoError(t, err)
	api := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(api.Close)
	abstract, err := net.Listen("unix", fmt.Sprintf("@zeblit-test-host-%d", os.Getpid()))
	require.NoError(t, err)
	t.Cleanup(func() { _ = abstract.Close() })
	datagrams, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = datagrams.Close() })

	targets := []string{
		"tcp=" + database.Host, "tcp=" + cache.Host, "tcp=" + api.Listener.Addr().String(), "unix=" + abstract.Addr().String(),
		"udp=" + datagrams.LocalAddr().String(), "tcp=169.254.169.254:80", "udp=169.254.169.254:80", "tcp=[fd00:ec2::254]:80",
		"udp=8.8.8.8:53", "tcp=8.8.8.8:53", "udp=1.1.1.1:443", "tcp=1.1.1.1:443", "udp=255.255.255.255:67", "udp=224.0.0.251:5353", "tcp=10.0.0.1:80",
		"tcp=172.17.0.1:2375", "tcp=[2001:4860:4860::8888]:53",
	}
	addresses, err := net.InterfaceAddrs()
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(database.Host)
	require.NoError(t, err)
	for _, address := range addresses {
		if ip, ok := address.(*net.IPNet); ok && !ip.IP.IsLoopback() && !ip.IP.IsLinkLocalUnicast() {
			targets = append(targets, "tcp="+net.JoinHostPort(ip.IP.String(), port))
		}
	}
	require.Equal(t, len(targets)+2, refused(t, box, append([]string{"dial"}, targets...)...))
}

// projects see nothing of each other.
func projects(t *testing.T, b *Bench) {
	driver := b.driver(t)
	one, err := driver.Create(t.Context(), sandbox.Spec{ID: "one", Env: map[string]string{"SECRET": "of-project-one"}})
	require.NoError(t, err)
	two, err := driver.Create(t.Context(), sandbox.Spec{ID: "two"})
	require.NoError(t, err)
	arm(t, one)
	arm(t, two)
	p, err := one.Start(t.Context(), sandbox.Command{Argv: []string{"/work/tools/try", "serve", "of-project-one"}})
	require.NoError(t, err)
	require.Equal(t, "ready", line(t, p))

	own := run(t, one, sandbox.Command{Argv: []string{"/work/tools/try", "dial", "tcp=127.0.0.1:8099", "unix=@zeblit-test-inside"}})
	require.Equal(t, 2, strings.Count(own.out, "BREACH"), "its own loopback works: %s", own.out)
	refused(t, two, "dial", "tcp=127.0.0.1:8099", "unix=@zeblit-test-inside")
	const everything = "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'"
	require.Contains(t, must(t, one, everything), "of-project-one")
	require.NotContains(t, must(t, two, everything+"; true"), "of-project-one")
	require.NotContains(t, must(t, two, "grep -rl of-project-one /work /tmp /dev/shm 2>/dev/null; true"), "/work/")
	require.NoError(t, p.Close())
	require.NoError(t, one.Delete(t.Context()))
	require.NoError(t, two.Delete(t.Context()))
}
