package wire_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/llm/wire"
)

func TestQuotaReset(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, c := range map[string]struct {
		header map[string]string
		want   time.Duration
	}{
		"nothing":            {nil, 0},
		"something is left":  {map[string]string{"anthropic-ratelimit-requests-remaining": "1", "anthropic-ratelimit-requests-reset": "2026-01-02T03:05:05Z"}, 0},
		"a time":             {map[string]string{"anthropic-ratelimit-requests-remaining": "0", "anthropic-ratelimit-requests-reset": "2026-01-02T03:05:05Z"}, time.Minute},
		"a time elsewhere":   {map[string]string{"anthropic-ratelimit-tokens-remaining": "0", "anthropic-ratelimit-tokens-reset": "2026-01-02T05:04:35+02:00"}, 30 * time.Second},
		"a past time":        {map[string]string{"anthropic-ratelimit-tokens-remaining": "0", "anthropic-ratelimit-tokens-reset": "2026-01-02T03:04:00Z"}, 0},
		"minutes":            {map[string]string{"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s"}, 6 * time.Minute},
		"milliseconds":       {map[string]string{"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "20ms"}, 20 * time.Millisecond},
		"seconds":            {map[string]string{"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "1.5"}, 1500 * time.Millisecond},
		"of all":             {map[string]string{"x-ratelimit-remaining": "0", "x-ratelimit-reset": "12"}, 12 * time.Second},
		"since 1970":         {map[string]string{"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1767323055"}, 10 * time.Second},
		"since 1970, in ms":  {map[string]string{"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1767323055500"}, 10500 * time.Millisecond},
		"a day at most":      {map[string]string{"x-ratelimit-remaining": "0", "x-ratelimit-reset": "99h"}, 24 * time.Hour},
		"nonsense":           {map[string]string{"x-ratelimit-remaining": "0", "x-ratelimit-reset": "soon"}, 0},
		"no time with it":    {map[string]string{"x-ratelimit-remaining-tokens": "0"}, 0},
		"the other is used":  {map[string]string{"x-ratelimit-remaining-tokens": "7", "x-ratelimit-reset-tokens": "1h", "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1s"}, time.Second},
		"both are, the last": {map[string]string{"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "5s", "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1s"}, 5 * time.Second},
	} {
		h := http.Header{}
		for k, v := range c.header {
			h.Set(k, v)
		}
		require.Equal(t, c.want, wire.QuotaReset(h, now), name)
	}
}

// What the vendor asks for goes before what its quotas say, which count in a 429 only.
func TestWhichWaitIsBelieved(t *testing.T) {
	t.Parallel()
	h := http.Header{}
	h.Set("X-Ratelimit-Remaining-Requests", "0")
	h.Set("X-Ratelimit-Reset-Requests", "6m0s")
	google := []byte(`{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED","details":[{"@type":"x"},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"26s"}]}}`)
	require.Equal(t, 6*time.Minute, wire.ReadRefusal(429, h, nil).After)
	require.Equal(t, 26*time.Second, wire.ReadRefusal(429, h, google).After)
	require.Zero(t, wire.ReadRefusal(503, h, nil).After)
	h.Set("Retry-After", "3")
	require.Equal(t, 3*time.Second, wire.ReadRefusal(429, h, google).After)
	require.Equal(t, 3*time.Second, wire.ReadRefusal(503, h, nil).After)
}
