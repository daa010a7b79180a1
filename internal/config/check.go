package config

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/zeblit/zeblit/internal/policy"
	"github.com/zeblit/zeblit/internal/ratelimit"
)

const (
	shortestSecret = 16
	slowestPace    = 10 * time.Second
	longestTime    = 365 * 24 * time.Hour
)

// check collects problems; each of its methods returns the value, or a harmless one.
type check struct{ problems Problems }

func (c *check) bad(format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, args...))
}

func (c *check) addr(name, s, like string) string {
	_, port, err := net.SplitHostPort(s)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		c.bad("%s must be host:port with a port up to 65535, like %s; it is %s", name, like, quote(s))
		return like
	}
	return s
}

func (c *check) addrOrNone(name, s, like string) string {
	if s == "" {
		return ""
	}
	return c.addr(name, s, like)
}

func (c *check) database(s string) string {
	if s == "" {
		return ""
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		c.bad("--database-url (DATABASE_URL) must begin with postgres:// and be a valid URL; special characters in the password are written as %%XX")
		return ""
	}
	return s
}

func (c *check) redis(s string) string {
	if s == "" {
		return ""
	}
	u, err := url.Parse(s)
	if err != nil || !slices.Contains([]string{"redis", "rediss", "unix"}, u.Scheme) {
		c.bad("--redis-url (REDIS_URL) must begin with redis://, rediss:// or unix:// and be a valid URL; special characters in the password are written as %%XX")
		return ""
	}
	return s
}

func (c *check) secret(s string) string {
	if s != "" && len(s) < shortestSecret {
		c.bad("--secret (ZEBLIT_SECRET) must have at least %d characters", shortestSecret)
	}
	return s
}

func (c *check) level(s string) slog.Level {
	var level slog.Level
	name := c.oneOf("--log-level (ZEBLIT_LOG_LEVEL)", s, "debug", "info", "warn", "error")
	_ = level.UnmarshalText([]byte(name)) // a bad name was noted above
	return level
}

func (c *check) oneOf(name, value string, allowed ...string) string {
	value = strings.ToLower(value)
	if !slices.Contains(allowed, value) {
		c.bad("%s must be one of %s; it is %s", name, strings.Join(allowed, ", "), quote(value))
		return allowed[0]
	}
	return value
}

func (c *check) webURL(name, s string) string {
	if s == "" {
		return ""
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		c.bad("%s must be a URL that begins with http:// or https://, without user, query or fragment", name)
		return ""
	}
	return strings.TrimRight(s, "/")
}

// previewDomain may not be above the server's own host, which would be a preview then.
func (c *check) previewDomain(s, public string) string {
	s = strings.ToLower(strings.Trim(s, "."))
	if s == "" {
		return ""
	}
	host := ""
	if u, err := url.Parse(public); err == nil {
		host = u.Hostname()
	}
	if u, err := url.Parse("//" + s); err != nil || u.Host != s || u.Port() != "" || net.ParseIP(s) != nil {
		c.bad("--preview-domain (ZEBLIT_PREVIEW_DOMAIN) must be a domain like preview.example.com, without scheme and port; it is %s", quote(s))
		return ""
	}
	if host == s || strings.HasSuffix(host, "."+s) {
		c.bad("--preview-domain (ZEBLIT_PREVIEW_DOMAIN) must not have the server's own host %s in it: what is below it is nothing but previews", quote(host))
		return ""
	}
	return s
}

func (c *check) origins(list string) []string {
	var out []string
	for _, s := range strings.Split(list, ",") {
		s = strings.TrimRight(strings.TrimSpace(s), "/")
		if s == "" {
			continue
		}
		u, err := url.Parse(s)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Scheme+"://"+u.Host != s {
			c.bad("--allowed-origins (ZEBLIT_ALLOWED_ORIGINS) must list origins like https://app.example.com; one is %s", quote(s))
			continue
		}
		out = append(out, strings.ToLower(s))
	}
	return out
}

func (c *check) prefixes(list string) []netip.Prefix {
	var out []netip.Prefix
	for s := range strings.SplitSeq(list, ",") {
		if s = strings.TrimSpace(s); s == "" {
			continue
		}
		prefix, err := netip.ParsePrefix(s)
		if err != nil {
			var addr netip.Addr
			if addr, err = netip.ParseAddr(s); err == nil {
				prefix, err = addr.Prefix(addr.BitLen())
			}
		}
		if err != nil {
			c.bad("--trusted-proxies (ZEBLIT_TRUSTED_PROXIES) must list addresses or ranges like 10.0.0.0/8; one is %s", quote(s))
			continue
		}
		out = append(out, prefix.Masked())
	}
	return out
}

func (c *check) rate(name, s string) ratelimit.Rate {
	rate, err := ratelimit.ParseRate(s)
	if err != nil {
		c.bad("%s: %v", name, err)
	}
	return rate
}

func (c *check) count(name, s string) int {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil || n == 0 {
		c.bad("%s must be a whole number from 1; it is %s", name, quote(s))
	}
	return int(n)
}

func (c *check) countOrNone(name, s string) int {
	if s == "" || strings.EqualFold(s, "none") {
		return 0
	}
	return c.count(name, s)
}

func (c *check) duration(name, s string, least time.Duration) time.Duration {
	d, err := time.ParseDuration(s)
	if err != nil || d < least || d > longestTime {
		c.bad("%s must be a duration from %s to %s, like 90s or 24h; it is %s", name, least, longestTime, quote(s))
	}
	return d
}

func (c *check) pace(s string) time.Duration {
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 || d > slowestPace {
		c.bad("--demo-pace (ZEBLIT_DEMO_PACE) must be a duration from 0 to %s, like 25ms; it is %s", slowestPace, quote(s))
	}
	if d <= 0 {
		return -1
	}
	return d
}

// size reads bytes: a whole number with KiB, MiB or GiB.
func (c *check) size(name, s string) int64 {
	for unit, bytes := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
		digits, ok := strings.CutSuffix(s, unit)
		if n, err := strconv.ParseUint(strings.TrimSpace(digits), 10, 20); ok && err == nil && n > 0 {
			return int64(n) * bytes
		}
	}
	c.bad("%s must be a size like 100MiB or 1GiB; it is %s", name, quote(s))
	return 0
}

func (c *check) folders(name, list string) []string {
	var out []string
	for s := range strings.SplitSeq(list, ",") {
		if s = strings.TrimSpace(s); s == "" {
			continue
		}
		if !path.IsAbs(s) || path.Clean(s) == "/" {
			c.bad("%s must list folders by their whole paths, as /opt/jdk; one is %s", name, quote(s))
			continue
		}
		out = append(out, path.Clean(s))
	}
	return out
}

func orDefault(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// quote shows a value without filling the screen with it.
func quote(s string) string {
	if len(s) > 40 {
		s = strings.ToValidUTF8(s[:40], "") + "…"
	}
	return strconv.Quote(s)
}

func (c *check) permissions(texts []string) []policy.Rule {
	var out []policy.Rule
	for _, text := range texts {
		if strings.TrimSpace(text) == "" {
			continue
		}
		r, err := policy.ParseRule(text)
		if err != nil {
			c.bad("--permission (ZEBLIT_PERMISSIONS): %s", err.Error())
			continue
		}
		out = append(out, r)
	}
	return out
}
