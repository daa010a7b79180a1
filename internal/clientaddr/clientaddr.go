// Package clientaddr finds out which address a request came from. Behind a proxy
// the connection's is the proxy's, and X-Forwarded-For says the client's; but a
// client may have written into that header itself, so only what trusted proxies
// added to it counts.
package clientaddr

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Of returns the client's address: the connection's own, or where that is a
// trusted proxy the rightmost entry of X-Forwarded-For that is none. An entry that
// is no address ends the search: what stands left of it is worth nothing. The
// result is invalid when the connection has no IP address, as on a Unix socket
// (which is trusted like a proxy when trusted is not empty).
func Of(r *http.Request, trusted []netip.Prefix) netip.Addr {
	addr := parse(r.RemoteAddr)
	if len(trusted) == 0 || addr.IsValid() && !within(addr, trusted) {
		return addr
	}
	// Several headers are one list, in order.
	entries := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, entry := range slices.Backward(entries) {
		next := parse(strings.TrimSpace(entry))
		if !next.IsValid() {
			return addr
		}
		addr = next
		if !within(addr, trusted) {
			return addr
		}
	}
	return addr
}

// parse reads an address with or without a port, or returns an invalid one. An
// IPv4 address in IPv6's clothes is IPv4; a zone is of no meaning here.
func parse(s string) netip.Addr {
	addr, err := netip.ParseAddr(strings.Trim(s, "[]"))
	if err != nil {
		port, err := netip.ParseAddrPort(s)
		if err != nil {
			return netip.Addr{}
		}
		addr = port.Addr()
	}
	return addr.Unmap().WithZone("")
}

func within(addr netip.Addr, prefixes []netip.Prefix) bool {
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(addr) })
}

type contextKey struct{}

// With notes the client's address for everything below ctx.
func With(ctx context.Context, addr netip.Addr) context.Context {
	return context.WithValue(ctx, contextKey{}, addr)
}

// From returns what With noted, else an invalid address.
func From(ctx context.Context) netip.Addr {
	addr, _ := ctx.Value(contextKey{}).(netip.Addr)
	return addr
}

// Key is what a limit by address counts by: an IPv4 address as it is, of an IPv6
// address the /64, which one subscriber usually has whole.
func Key(addr netip.Addr) string {
	if !addr.IsValid() {
		return "unknown"
	}
	if addr.Is4() || addr.Is4In6() {
		return addr.Unmap().String()
	}
	prefix, err := addr.WithZone("").Prefix(64)
	if err != nil {
		return addr.String()
	}
	return prefix.String()
}
