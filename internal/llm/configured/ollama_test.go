package configured_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/llm/configured"
)

func TestOllamaURL(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"":                         "",
		"  ":                       "",
		"127.0.0.1":                "http://127.0.0.1:11434",
		"localhost:8000":           "http://localhost:8000",
		" 'gpu.example.com' ":      "http://gpu.example.com:11434",
		`"10.0.0.7:1"`:             "http://10.0.0.7:1",
		":9000":                    "http://127.0.0.1:9000",
		"0.0.0.0":                  "http://127.0.0.1:11434",
		"0.0.0.0:1234":             "http://127.0.0.1:1234",
		"::":                       "http://127.0.0.1:11434",
		"[::]:1234":                "http://127.0.0.1:1234",
		"::1":                      "http://[::1]:11434",
		"[::1]:11435":              "http://[::1]:11435",
		"http://h":                 "http://h:80",
		"https://h/":               "https://h:443",
		"https://h:8443/ollama/":   "https://h:8443/ollama",
		"http://0.0.0.0:11434":     "http://127.0.0.1:11434",
		"https://gpu.example.com/": "https://gpu.example.com:443",
	} {
		got, err := configured.OllamaURL(host)
		require.NoError(t, err, host)
		require.Equal(t, want, got, host)
	}
	for _, host := range []string{"ftp://h", "h:port", "h:0", "h:70000", "http://u:p@h", "http://h/?q=1", "a b", "http://h#x", "://"} {
		_, err := configured.OllamaURL(host)
		require.ErrorContains(t, err, "like 127.0.0.1:11434", host)
	}
}
