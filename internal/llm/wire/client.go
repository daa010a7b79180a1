package wire

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// probe is how long a connection that carries several calls may be silent before it is
// asked whether it is alive, and then how long it has to say so. One that is dead would
// take every retry with it.
const probe = 15 * time.Second

// transport is that of all providers, which share their connections.
var transport = sync.OnceValue(func() http.RoundTripper { return newTransport(probe) })

func newTransport(probe time.Duration) http.RoundTripper {
	standard, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport
	}
	t := standard.Clone()
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: probe, PingTimeout: probe}
	return t
}

// Client is the HTTP client of a provider that was given none. It follows no
// redirect, so that a key is sent to the configured server only.
func Client() *http.Client {
	return &http.Client{
		Transport:     transport(),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Secrets are what must not be shown of a provider's settings: its key, and the
// password in its base URL.
func Secrets(key, baseURL string) []string {
	out := []string{key}
	if u, err := url.Parse(baseURL); err == nil && u.User != nil {
		if p, ok := u.User.Password(); ok {
			out = append(out, p, url.QueryEscape(p))
		}
	}
	return out
}

// Join puts base and the version prefix its API lives under together: with wanted,
// a base without any path gets it; without, a base that ends in it loses it.
func Join(base, version string, wanted bool) string {
	base = strings.TrimRight(strings.TrimSpace(base), "/")
	if !wanted {
		return strings.TrimSuffix(base, "/"+version)
	}
	if u, err := url.Parse(base); err == nil && u.Path == "" {
		return base + "/" + version
	}
	return base
}
