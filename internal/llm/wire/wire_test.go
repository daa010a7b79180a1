package wire_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/llm/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, c := range map[string]struct {
		header http.Header
		want   time.Duration
	}{
		"nothing":       {http.Header{}, 0},
		"seconds":       {http.Header{"Retry-After": {"7"}}, 7 * time.Second},
		"fractions":     {http.Header{"Retry-After": {"0.25"}}, 250 * time.Millisecond},
		"a date":        {http.Header{"Retry-After": {"Fri, 02 Jan 2026 03:05:05 GMT"}}, time.Minute},
		"a past date":   {http.Header{"Retry-After": {"Fri, 02 Jan 2026 03:00:00 GMT"}}, 0},
		"milliseconds":  {http.Header{"Retry-After-Ms": {"1500"}, "Retry-After": {"9"}}, 1500 * time.Millisecond},
		"nonsense":      {http.Header{"Retry-After": {"soon"}}, 0},
		"negative":      {http.Header{"Retry-After": {"-5"}}, 0},
		"absurd":        {http.Header{"Retry-After": {"1e300"}}, 24 * time.Hour},
		"not a number":  {http.Header{"Retry-After": {"NaN"}}, 0},
		"nonsense, 2nd": {http.Header{"Retry-After-Ms": {"x"}, "Retry-After": {"2"}}, 2 * time.Second},
	} {
		require.Equal(t, c.want, wire.RetryAfter(c.header, now), name)
	}
}

func TestRedact(t *testing.T) {
	t.Parallel()
	require.Equal(t, "no [key] here, nor [key]", wire.Redact("no hunter2 here, nor sk-ant-REDACTED", "hunter2", ""))
	require.Equal(t, "Incorrect API key provided: [key]", wire.Redact("Incorrect API key provided: sk-proj-*****wxyz"))
	require.Equal(t, "a risk-averse desk-chair sk-1", wire.Redact("a risk-averse desk-chair sk-1"))
	require.Equal(t, "a task-with-a-long-name", wire.Redact("a task-with-a-long-name"))
	long := wire.Redact(strings.Repeat("ü", 5000))
	require.Less(t, len(long), 1010)
	require.True(t, strings.HasSuffix(long, "ü…"))
}

func TestReadRefusal(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"error":{"message":"m","type":"t","code":"c"}}`: "m t c",
		`{"error":{"message":"m","code":400}}`:            "m  400",
		`{"error":"m"}`:                                   "m  ",
		`{"object":"error","message":"m","type":"t"}`:     "m t ",
		`{"detail":"m"}`:                                  "m  ",
		`{"detail":[{"msg":"m"}]}`:                        `[{"msg":"m"}]  `,
		"plain\n":                                         "plain  ",
		`[{"error":{"message":"m","code":404}}]`:          "m  404",
		"<html>":                                          "Not Found  ",
		"":                                                "Not Found  ",
		`[]`:                                              "[]  ",
	} {
		r := wire.ReadRefusal(http.StatusNotFound, nil, []byte(body))
		require.Equal(t, want, r.Message+" "+r.Type+" "+r.Code, body)
	}
}

func TestJoin(t *testing.T) {
	t.Parallel()
	require.Equal(t, "http://h:1/v1", wire.Join("http://h:1/", "v1", true))
	require.Equal(t, "http://h:1/api/v3", wire.Join("http://h:1/api/v3/", "v1", true))
	require.Equal(t, "https://h", wire.Join("https://h/v1/", "v1", false))
	require.Equal(t, "https://h/proxy", wire.Join("https://h/proxy", "v1", false))
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"k", "p@ss", "p%40ss"}, wire.Secrets("k", "https://user:p%40ss@h/v1"))
}
