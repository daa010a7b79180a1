package wire

import (
	"cmp"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// longest bounds what is believed of a vendor's wish to be left alone.
const longest = 24 * time.Hour

// wait is how long a refusing vendor wants to be left alone: what it asks for, else,
// when it counts, until what is used up is there again. 0 when it says nothing.
func wait(status int, h http.Header, details json.RawMessage, now time.Time) time.Duration {
	if asked := RetryAfter(h, now); asked > 0 || status != http.StatusTooManyRequests {
		return asked
	}
	return cmp.Or(retryDelay(details), QuotaReset(h, now))
}

// RetryAfter reads how long the vendor wants to be left alone: retry-after-ms, or
// retry-after in seconds or as a date. 0 when it says nothing sensible.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil && ms >= 0 {
		return seconds(ms / 1000)
	}
	v := h.Get("Retry-After")
	if s, err := strconv.ParseFloat(v, 64); err == nil && s >= 0 {
		return seconds(s)
	}
	if at, err := http.ParseTime(v); err == nil {
		return until(at, now)
	}
	return 0
}

// QuotaReset reads when every quota that is used up is there again, of headers in the
// manner of anthropic-ratelimit-tokens-remaining and -reset, or of
// x-ratelimit-remaining-tokens and x-ratelimit-reset-tokens. 0 when none is used up.
func QuotaReset(h http.Header, now time.Time) time.Duration {
	var latest time.Duration
	for name, values := range h {
		if !strings.Contains(name, "Ratelimit") || !strings.Contains(name, "Remaining") || len(values) == 0 {
			continue
		}
		if left, err := strconv.ParseFloat(values[0], 64); err != nil || left > 0 {
			continue
		}
		latest = max(latest, reset(h.Get(strings.Replace(name, "Remaining", "Reset", 1)), now))
	}
	return latest
}

// reset reads a time (RFC 3339, or seconds or milliseconds since 1970), or how long it
// is until then (6m0s, or seconds).
func reset(v string, now time.Time) time.Duration {
	if at, err := time.Parse(time.RFC3339, v); err == nil {
		return until(at, now)
	}
	if d, err := time.ParseDuration(v); err == nil {
		return min(max(d, 0), longest)
	}
	switch n, err := strconv.ParseFloat(v, 64); {
	case err != nil || n < 0:
		return 0
	case n > 1e11 && n < 1e15:
		return until(time.UnixMilli(int64(n)), now)
	case n > 1e8 && n < 1e11:
		return until(time.Unix(int64(n), 0), now)
	default:
		return seconds(n)
	}
}

// retryDelay reads the wish that Google puts into the body.
func retryDelay(details json.RawMessage) time.Duration {
	var list []struct {
		RetryDelay string `json:"retryDelay"`
	}
	if json.Unmarshal(details, &list) != nil {
		return 0
	}
	for _, d := range list {
		if wait, err := time.ParseDuration(d.RetryDelay); err == nil {
			return min(max(wait, 0), longest)
		}
	}
	return 0
}

func seconds(s float64) time.Duration {
	return time.Duration(min(max(s, 0), longest.Seconds()) * float64(time.Second))
}

func until(at, now time.Time) time.Duration { return min(max(at.Sub(now), 0), longest) }
