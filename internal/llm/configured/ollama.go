package configured

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

var errOllamaHost = errors.New("must be a host, host:port or http(s) URL, like 127.0.0.1:11434")

// OllamaURL reads OLLAMA_HOST as Ollama's own client does: a host, a host with a port
// or a URL, perhaps in quotes. A bare host has the port 11434 and a URL without a port
// the one of its scheme. The address to listen on everywhere is reached on this
// machine. Empty stays empty.
func OllamaURL(host string) (string, error) {
	host = strings.TrimSpace(strings.Trim(strings.TrimSpace(host), `"'`))
	if host == "" {
		return "", nil
	}
	scheme, rest, ok := strings.Cut(host, "://")
	port := map[string]string{"http": "80", "https": "443"}[scheme]
	if !ok {
		scheme, rest, port = "http", host, "11434"
	}
	if port == "" {
		return "", errOllamaHost
	}
	rest, path, _ := strings.Cut(rest, "/")
	name := rest
	if h, p, err := net.SplitHostPort(rest); err == nil {
		name, port = h, p
	}
	name = strings.Trim(name, "[]")
	if ip, err := netip.ParseAddr(name); name == "" || err == nil && ip.IsUnspecified() {
		name = "127.0.0.1"
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", errOllamaHost
	}
	u := url.URL{Scheme: scheme, Host: net.JoinHostPort(name, port), Path: strings.TrimRight("/"+path, "/")}
	if again, err := url.Parse(u.String()); err != nil || again.Hostname() != name || strings.ContainsAny(host, "?#@ \t") {
		return "", errOllamaHost
	}
	return u.String(), nil
}
