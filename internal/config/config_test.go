package config_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/config"
	"github.com/zeblit/zeblit/internal/ratelimit"
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
		"OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL", "GEMINI_API_KEY", "GOOGLE_API_KEY", "GEMINI_BASE_URL", "GEMINI_MODEL",
		"OLLAMA_HOST", "ZEBLIT_MODEL_SERVERS", "ZEBLIT_MODELS", "ZEBLIT_MODEL_QUICK", "ZEBLIT_MODEL_STANDARD", "ZEBLIT_MODEL_COMPLEX", "ZEBLIT_DEMO_PACE", "REDIS_URL", "ZEBLIT_INTROSPECTION",
		"ZEBLIT_TRUSTED_PROXIES", "ZEBLIT_LIMITS", "ZEBLIT_LIMIT_SIGN_IN", "ZEBLIT_LIMIT_SIGN_UP", "ZEBLIT_LIMIT_REQUESTS",
		"ZEBLIT_LIMIT_CONNECTS", "ZEBLIT_LIMIT_SOCKETS", "ZEBLIT_RUN_SLOTS", "ZEBLIT_RUN_LIMIT_PROJECT",
		"ZEBLIT_RUN_LIMIT_ORGANISATION", "ZEBLIT_STEP_TIMEOUT", "ZEBLIT_TOOL_TIMEOUT", "ZEBLIT_RUN_TIMEOUT",
		"ZEBLIT_QUEUE_TIMEOUT", "ZEBLIT_PAUSE_TIMEOUT", "ZEBLIT_ANSWER_TIMEOUT", "ZEBLIT_DRAIN", "ZEBLIT_METRICS_ADDRESS",
		"ZEBLIT_SANDBOX", "DOCKER_HOST", "ZEBLIT_SANDBOX_IMAGE", "ZEBLIT_SANDBOX_IMAGE_FOR", "ZEBLIT_SANDBOX_TOOLCHAINS",
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
	require.Empty(t, cfg.RedisURL)
	require.Empty(t, cfg.MetricsAddr)
	require.True(t, cfg.Introspection)
	require.Equal(t, &config.Limits{
		SignIn:   ratelimit.Rate{Count: 5, Per: 5 * time.Minute},
		SignUp:   ratelimit.Rate{Count: 3, Per: time.Hour},
		Requests: ratelimit.Rate{Count: 6000, Per: time.Minute},
		Connects: ratelimit.Rate{Count: 1200, Per: time.Minute},
		Sockets:  10_000,
		Console:  ratelimit.Rate{Count: 300, Per: time.Minute},
	}, cfg.Limits)
	const day = 24 * time.Hour
	require.Equal(t, 7*day, cfg.Retention)
	require.Equal(t, config.Quota{Bytes: 100 << 20, Files: 10_000, History: 1 << 30}, cfg.Quota)
	require.Equal(t, config.Runs{
		Slots: 100, StepTimeout: time.Hour, ToolTimeout: 10 * time.Minute, RunTimeout: day, Steps: 60, Tokens: 5_000_000,
		QueueTimeout: 14 * day, PauseTimeout: 7 * day, AnswerTimeout: 7 * day, Drain: 30 * time.Second,
	}, cfg.Runs)
}

func TestRuns(t *testing.T) {
	noEnvironment(t)
	t.Setenv("ZEBLIT_DRAIN", "0")
	cfg, err := parse(t, "--run-limit-project", "3", "--run-limit-organisation", "None", "--run-timeout", "90s", "--run-steps", "7", "--run-tokens", "1000")
	require.NoError(t, err)
	require.Equal(t, 3, cfg.Runs.ProjectLimit)
	require.Zero(t, cfg.Runs.OrganisationLimit)
	require.Equal(t, 90*time.Second, cfg.Runs.RunTimeout)
	require.Equal(t, 7, cfg.Runs.Steps)
	require.EqualValues(t, 1000, cfg.Runs.Tokens)
	require.Negative(t, cfg.Runs.Drain)
}

func TestLimitsAndNetwork(t *testing.T) {
	noEnvironment(t)
	t.Setenv("ZEBLIT_LIMITS", "off")
	cfg, err := parse(t, "--redis-url", "rediss://u:p%40@h:6379/1", "--introspection", "off", "--trusted-proxies", "10.1.2.3/8, ::1,192.0.2.7")
	require.NoError(t, err)
	require.Nil(t, cfg.Limits)
	require.Equal(t, "rediss://u:p%40@h:6379/1", cfg.RedisURL)
	require.False(t, cfg.Introspection)
	require.Equal(t, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("192.0.2.7/32")}, cfg.TrustedProxies)
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
		"--anthropic-base-url", "x", "--openai-base-url", "http://h/?q=1", "--gemini-base-url", "h", "--demo-pace", "soon",
		"--redis-url", "http://u:hunter2@h", "--introspection", "maybe", "--trusted-proxies", "10.0.0.0/99", "--limits", "few",
		"--limit-sign-in", "5", "--limit-sign-up", "0/1h", "--limit-requests", "5/never", "--limit-connects", "1m/1", "--limit-sockets", "0",
		"--run-slots", "0", "--run-limit-project", "0", "--run-limit-organisation", "few", "--step-timeout", "0s", "--tool-timeout", "1",
		"--run-timeout", "forever", "--run-steps", "0", "--run-tokens", "1e6", "--queue-timeout", "9000h", "--pause-timeout", "", "--drain", "soon",
		"--answer-timeout", "0s", "--metrics-address", "9464",
		"--retention", "23h59m", "--compression", "maybe", "--sandbox", "chroot", "--sandbox-toolchains", "/opt/jdk,../etc,/")
	require.True(t, config.IsProblem(err))
	require.True(t, config.IsProblem(fmt.Errorf("start: %w", err)))
	var problems config.Problems
	require.ErrorAs(t, err, &problems)
	require.Len(t, problems, 39)
	for _, flag := range []string{"--addr", "--public-url", "--database-url", "--secret", "--log-level", "--log-format", "--sign-up", "--allowed-origins", "--anthropic-base-url", "--openai-base-url", "--gemini-base-url", "--demo-pace",
		"--redis-url", "--introspection", "--trusted-proxies", "--limits", "--limit-sign-in", "--limit-sign-up", "--limit-requests", "--limit-connects", "--limit-sockets",
		"--run-slots", "--run-limit-project", "--run-limit-organisation", "--step-timeout", "--tool-timeout", "--run-timeout", "--run-steps", "--run-tokens", "--queue-timeout", "--drain",
		"--answer-timeout", "--metrics-address", "--retention", "--compression", "--sandbox", "--sandbox-toolchains"} {
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

func TestThePreviewDomainHasNotTheServersOwnHostInIt(t *testing.T) {
	cfg, err := parse(t, "--public-url=https://zeblit.example.com", "--preview-domain=Preview.Example.com.")
	require.NoError(t, err)
	require.Equal(t, "preview.example.com", cfg.PreviewDomain)
	for _, wrong := range []string{"example.com", "zeblit.example.com", "https://x.com", "x.com:80", "1.2.3.4", "a b"} {
		_, err := parse(t, "--public-url=https://zeblit.example.com", "--preview-domain="+wrong)
		require.ErrorContains(t, err, "ZEBLIT_PREVIEW_DOMAIN", wrong)
	}
}
