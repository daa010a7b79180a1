package clientaddr_test

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/clientaddr"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOnlyTrustedProxiesAreBelieved(t *testing.T) {
	t.Parallel()
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for name, c := range map[string]struct {
		remote    string
		trusted   []netip.Prefix
		forwarded []string
		want      string
	}{
		"no proxy":                          {"192.0.2.1:5", nil, nil, "192.0.2.1"},
		"a client that claims to be one":    {"192.0.2.1:5", trusted, []string{"203.0.113.9"}, "192.0.2.1"},
		"nobody is trusted":                 {"10.0.0.1:5", nil, []string{"203.0.113.9"}, "10.0.0.1"},
		"a proxy":                           {"10.0.0.1:5", trusted, []string{"203.0.113.9"}, "203.0.113.9"},
		"a proxy that says nothing":         {"10.0.0.1:5", trusted, nil, "10.0.0.1"},
		"a chain of proxies":                {"10.0.0.1:5", trusted, []string{"203.0.113.9, 10.1.1.1,10.2.2.2"}, "203.0.113.9"},
		"a client that wrote entries first": {"10.0.0.1:5", trusted, []string{"1.1.1.1, 203.0.113.9, 10.1.1.1"}, "203.0.113.9"},
		"several headers":                   {"10.0.0.1:5", trusted, []string{"1.1.1.1, 203.0.113.9", "10.1.1.1"}, "203.0.113.9"},
		"nonsense on the way":               {"10.0.0.1:5", trusted, []string{"203.0.113.9, unknown, 10.1.1.1"}, "10.1.1.1"},
		"nonsense only":                     {"10.0.0.1:5", trusted, []string{"<script>"}, "10.0.0.1"},
		"all are proxies":                   {"10.0.0.1:5", trusted, []string{"10.3.3.3, 10.1.1.1"}, "10.3.3.3"},
		"IPv6":                              {"[fd00::1]:5", trusted, []string{"2001:db8::7"}, "2001:db8::7"},
		"IPv6 with a port":                  {"[fd00::1]:5", trusted, []string{"[2001:db8::7]:443"}, "2001:db8::7"},
		"IPv6 in brackets":                  {"[fd00::1]:5", trusted, []string{"[2001:db8::7]"}, "2001:db8::7"},
		"IPv4 with a port":                  {"10.0.0.1:5", trusted, []string{"203.0.113.9:1234"}, "203.0.113.9"},
		"IPv4 in IPv6's clothes":            {"[::ffff:10.0.0.1]:5", trusted, []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		"a zone":                            {"[fe80::1%eth0]:5", trusted, nil, "fe80::1"},
		"a Unix socket":                     {"@", trusted, []string{"203.0.113.9"}, "203.0.113.9"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &http.Request{RemoteAddr: c.remote, Header: http.Header{"X-Forwarded-For": c.forwarded}}
			require.Equal(t, c.want, clientaddr.Of(r, c.trusted).String())
		})
	}
	require.False(t, clientaddr.Of(&http.Request{RemoteAddr: "@"}, nil).IsValid())
}

func TestTheContextCarriesTheAddress(t *testing.T) {
	t.Parallel()
	require.False(t, clientaddr.From(t.Context()).IsValid())
	addr := netip.MustParseAddr("192.0.2.1")
	require.Equal(t, addr, clientaddr.From(clientaddr.With(t.Context(), addr)))
}

func TestKeysCountIPv6BySubscriber(t *testing.T) {
	t.Parallel()
	key := func(s string) string { return clientaddr.Key(netip.MustParseAddr(s)) }
	require.Equal(t, "192.0.2.1", key("192.0.2.1"))
	require.Equal(t, "192.0.2.1", key("::ffff:192.0.2.1"))
	require.Equal(t, "2001:db8:1:2::/64", key("2001:db8:1:2:3:4:5:6"))
	require.Equal(t, key("2001:db8:1:2::"), key("2001:db8:1:2:ffff::1"))
	require.NotEqual(t, key("2001:db8:1:2::"), key("2001:db8:1:3::"))
	require.Equal(t, key("fe80::1"), key("fe80::1%eth0"))
	require.Equal(t, "unknown", clientaddr.Key(netip.Addr{}))
}

func FuzzOf(f *testing.F) {
	f.Add("10.0.0.1:5", "203.0.113.9, 10.1.1.1")
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	f.Fuzz(func(t *testing.T, remote, forwarded string) {
		r := &http.Request{RemoteAddr: remote, Header: http.Header{"X-Forwarded-For": {forwarded}}}
		require.Less(t, len(clientaddr.Key(clientaddr.Of(r, trusted))), 64)
	})
}
