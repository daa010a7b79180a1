package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/config"
	"github.com/zeblit/zeblit/internal/llm/configured"
)

func TestModelProviders(t *testing.T) {
	noEnvironment(t)
	t.Setenv("GOOGLE_API_KEY", " gk\n")
	t.Setenv("OLLAMA_HOST", "0.0.0.0")
	t.Setenv("GROQ_API_KEY", "qk")
	file := filepath.Join(t.TempDir(), "models.json")
	require.NoError(t, os.WriteFile(file, []byte(`[{"provider":"ollama","id":"*","price":{"input":0,"output":0}}]`), 0o600))
	cfg, err := parse(t, "--models", file,
		"--model-servers", `[{"name":"groq","url":"https://api.groq.com/openai/v1","keyEnv":"GROQ_API_KEY"}]`,
		"--model-quick", "groq/qwen/qwen3-32b, ollama/qwen3:8b,groq/qwen/qwen3-32b")
	require.NoError(t, err)
	require.Equal(t, "gk", cfg.GeminiKey)
	require.Equal(t, "http://127.0.0.1:11434", cfg.OllamaURL)
	require.Equal(t, []configured.ServerOptions{{Name: "groq", URL: "https://api.groq.com/openai/v1", Key: "qk", KeyEnv: "GROQ_API_KEY"}}, cfg.ModelServers)
	require.Equal(t, []string{"groq/qwen/qwen3-32b", "ollama/qwen3:8b"}, cfg.ModelQuick)
	require.Empty(t, cfg.ModelStandard)
	require.Contains(t, string(cfg.Models), "ollama")

	servers, err := configured.Providers(cfg.Providers())
	require.NoError(t, err)
	require.Len(t, servers, 3)
}

func TestAnEmptyVariableDoesNotHideTheOther(t *testing.T) {
	noEnvironment(t)
	t.Setenv("GOOGLE_API_KEY", "gk")
	cfg, err := parse(t)
	require.NoError(t, err)
	require.Equal(t, "gk", cfg.GeminiKey)
	t.Setenv("GEMINI_API_KEY", "gem")
	cfg, err = parse(t)
	require.NoError(t, err)
	require.Equal(t, "gem", cfg.GeminiKey)
}

func TestEveryProblemWithModelsIsNamed(t *testing.T) {
	noEnvironment(t)
	long := filepath.Join(t.TempDir(), "long.json")
	require.NoError(t, os.WriteFile(long, []byte("["+strings.Repeat(" ", 1<<20)+"]"), 0o600))
	for _, c := range []struct {
		args     []string
		problems []string
	}{
		{[]string{"--ollama-host", "ftp://h"}, []string{"--ollama-host (OLLAMA_HOST) must be a host, host:port or http(s) URL"}},
		{[]string{"--models", "/nowhere.json"}, []string{"the file \"/nowhere.json\" can't be read: no such file"}},
		{[]string{"--models", long}, []string{"longer than 1 MiB"}},
		{[]string{"--models", `{}`}, []string{"--models (ZEBLIT_MODELS): the models must be a JSON array"}},
		{[]string{"--models", `[{"provider":"p","id":""},{"provider":"p","id":"m","asOf":"x"}]`}, []string{"model 1 of the list", "model 2 of the list"}},
		{[]string{"--model-servers", `[{"name":"demo","url":"hunter2"}]`}, []string{"can't be called demo", "needs a url"}},
		{[]string{"--model-quick", "sonnet"}, []string{`--model-quick (ZEBLIT_MODEL_QUICK) must list models like anthropic/claude-sonnet-5; one is "sonnet"`}},
		{[]string{"--openai-api-key", "hunter2", "--model-standard", "anthropic/claude-sonnet-5", "--model-complex", "openai/"},
			[]string{`--model-standard (ZEBLIT_MODEL_STANDARD) names "anthropic/claude-sonnet-5", whose provider isn't configured; there are: openai`, "--model-complex"}},
	} {
		_, err := parse(t, c.args...)
		var problems config.Problems
		require.ErrorAs(t, err, &problems)
		require.Len(t, problems, len(c.problems), "%v", problems)
		for i, problem := range c.problems {
			require.Contains(t, problems[i], problem)
		}
		require.NotContains(t, err.Error(), "hunter2")
	}
}
