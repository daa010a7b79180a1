package config_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// parse reads flags as the program does.
func parse(t *testing.T, args ...string) (config.Config, error) {
	t.Helper()
	var flags config.Flags
	parser, err := kong.New(&flags)
	require.NoError(t, err)
	_, err = parser.Parse(args)
	require.NoError(t, err)
	return flags.Config()
}

// noEnvironment hides the variables of whoever runs the tests.
func noEnvironment(t *testing.T) {
	for _, name := range []string{
		"ZEBLIT_DATA_DIR", "ZEBLIT_ADDR", "ZEBLIT_URL", "DATABASE_URL", "ZEBLIT_SECRET", "ZEBLIT_LOG_LEVEL", "ZEBLIT_LOG_FORMAT",
		"ZEBLIT_SIGN_UP", "ZEBLIT_ALLOWED_ORIGINS", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "ANTHROPIC_MODEL",
		"OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL", "ZEBLIT_DEMO_PACE",
	} {
		t.Setenv(name, "")
	}
}

func TestNoConfigurationIsEnough(t *testing.T) {
	noEnvironment(t)
	cfg, err := parse(t)
	require.NoError(t, err)
	require.Equal(t, "./.zeblit", cfg.DataDir)
	require.Equal(t, "127.0.0.1:8080", cfg.Addr)
	require.Equal(t, "http://127.0.0.1:8080", cfg.PublicURL)
	require.True(t, cfg.Embedded())
	require.True(t, cfg.SignUpOpen)
	require.Equal(t, slog.LevelInfo, cfg.LogLevel)
	require.Equal(t, config.LogAuto, cfg.LogFormat)
	require.Equal(t, 25*time.Millisecond, cfg.DemoPace)
	require.Empty(t, cfg.AllowedOrigins)
}

func TestFlagsWinOverVariables(t *testing.T) {
	noEnvironment(t)
	t.Setenv("ZEBLIT_ADDR", "127.0.0.1:1")
	t.Setenv("ZEBLIT_SIGN_UP", "closed")
	t.Setenv("OPENAI_BASE_URL", "http://localhost:11434/v1/")
	t.Setenv("ZEBLIT_DEMO_PACE", "0")
	cfg, err := parse(t, "--addr", "[::]:2", "--debug", "--log-level", "error", "--allowed-origins", "https://a.example, http://localhost:3000/")
	require.NoError(t, err)
	require.Equal(t, "[::]:2", cfg.Addr)
	require.Equal(t, "http://127.0.0.1:2", cfg.PublicURL)
	require.False(t, cfg.SignUpOpen)
	require.Equal(t, "http://localhost:11434/v1", cfg.OpenAIBaseURL)
	require.Equal(t, slog.LevelDebug, cfg.LogLevel)
	require.Negative(t, cfg.DemoPace)
	require.Equal(t, []string{"https://a.example", "http://localhost:3000"}, cfg.AllowedOrigins)
}

func TestURLFollowsTheListener(t *testing.T) {
	noEnvironment(t)
	cfg, err := parse(t, "--addr", "127.0.0.1:0")
	require.NoError(t, err)
	require.Equal(t, "http://127.0.0.1:4321", cfg.URLAt("127.0.0.1:4321"))

	cfg, err = parse(t, "--addr", "127.0.0.1:0", "--public-url", "https://zeblit.example/")
	require.NoError(t, err)
	require.Equal(t, "https://zeblit.example", cfg.URLAt("127.0.0.1:4321"))
}

func TestEveryProblemIsNamedAtOnce(t *testing.T) {
	noEnvironment(t)
	_, err := parse(t,
		"--addr", "nowhere", "--public-url", "ftp://x", "--database-url", "mysql://u:hunter2@h/d", "--secret", "tooshort",
		"--log-level", "loud", "--log-format", "xml", "--sign-up", "maybe", "--allowed-origins", "https://a.example/path,*",
		"--anthropic-base-url", "x", "--openai-base-url", "http://h/?q=1", "--demo-pace", "soon")
	require.True(t, config.IsProblem(err))
	require.True(t, config.IsProblem(fmt.Errorf("start: %w", err)))
	var problems config.Problems
	require.ErrorAs(t, err, &problems)
	require.Len(t, problems, 12)
	for _, flag := range []string{"--addr", "--public-url", "--database-url", "--secret", "--log-level", "--log-format", "--sign-up", "--allowed-origins", "--anthropic-base-url", "--openai-base-url", "--demo-pace"} {
		require.Contains(t, err.Error(), flag)
	}
	require.NotContains(t, err.Error(), "hunter2")
	require.NotContains(t, err.Error(), "tooshort")
}

func TestTheLogShowsNoSecret(t *testing.T) {
	noEnvironment(t)
	cfg, err := parse(t, "--secret", "0123456789abcdef", "--database-url", "postgres://u:hunter2@h/d", "--openai-api-key", "sk-1")
	require.NoError(t, err)
	var out bytes.Buffer
	slog.New(slog.NewJSONHandler(&out, nil)).Info("start", "config", cfg)
	for _, secret := range []string{"0123456789abcdef", "hunter2", "sk-1"} {
		require.NotContains(t, out.String(), secret)
	}
	require.Contains(t, out.String(), `"database":"postgres"`)
}
