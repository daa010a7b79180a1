package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Defaults of the settings that have one.
const (
	DefaultDataDir = "./.zeblit"
	DefaultAddr    = "127.0.0.1:8080"
)

const (
	shortestSecret = 16
	slowestPace    = 10 * time.Second
)

// Flags are the settings as kong reads them. They are words on purpose: kong stops at
// the first value that it can't parse, and Config names all.
type Flags struct {
	DataDir     string `name:"data-dir" env:"ZEBLIT_DATA_DIR" default:"./.zeblit" placeholder:"DIR" help:"Where the embedded database and owner.json are kept."`
	Addr        string `name:"addr" env:"ZEBLIT_ADDR" default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Where to listen. Port 0 takes a free one."`
	PublicURL   string `name:"public-url" env:"ZEBLIT_URL" placeholder:"URL" help:"Where clients reach the server. Default: http:// and the address."`
	DatabaseURL string `name:"database-url" env:"DATABASE_URL" placeholder:"URL" help:"PostgreSQL, as postgres://user:password@host/database. Default: SQLite in the data directory."`
	Secret      string `name:"secret" env:"ZEBLIT_SECRET" placeholder:"TEXT" help:"Encrypts the signing keys in the database: at least 16 characters, the same on all nodes."`

	LogLevel  string `name:"log-level" env:"ZEBLIT_LOG_LEVEL" default:"info" placeholder:"LEVEL" help:"debug, info, warn or error."`
	LogFormat string `name:"log-format" env:"ZEBLIT_LOG_FORMAT" default:"auto" placeholder:"FORMAT" help:"text, json, or auto: text on a terminal and json elsewhere."`
	Debug     bool   `name:"debug" help:"The same as --log-level debug."`

	SignUp         string `name:"sign-up" env:"ZEBLIT_SIGN_UP" default:"open" placeholder:"WHO" help:"open: anyone may make an account; closed: nobody."`
	AllowedOrigins string `name:"allowed-origins" env:"ZEBLIT_ALLOWED_ORIGINS" placeholder:"ORIGINS" help:"Web origins besides the server's own whose pages may use the API, as https://app.example.com, separated by commas."`

	AnthropicKey     string `name:"anthropic-api-key" env:"ANTHROPIC_API_KEY" placeholder:"KEY" help:"Use Anthropic's models."`
	AnthropicBaseURL string `name:"anthropic-base-url" env:"ANTHROPIC_BASE_URL" placeholder:"URL" help:"Another server with Anthropic's API."`
	AnthropicModel   string `name:"anthropic-model" env:"ANTHROPIC_MODEL" placeholder:"NAME" help:"Which of its models."`
	OpenAIKey        string `name:"openai-api-key" env:"OPENAI_API_KEY" placeholder:"KEY" help:"Use OpenAI's models."`
	OpenAIBaseURL    string `name:"openai-base-url" env:"OPENAI_BASE_URL" placeholder:"URL" help:"Another server with OpenAI's API (Ollama, vLLM, llama.cpp); a key may not be needed."`
	OpenAIModel      string `name:"openai-model" env:"OPENAI_MODEL" placeholder:"NAME" help:"Which of its models."`
	DemoPace         string `name:"demo-pace" env:"ZEBLIT_DEMO_PACE" default:"25ms" placeholder:"DURATION" help:"The demo model's pause after each word. It is used where no other is configured."`
}

// Problems are all that is wrong with the settings, one sentence each. The program
// ends with exit code 2.
type Problems []string

func (p Problems) Error() string {
	if len(p) == 1 {
		return p[0]
	}
	return fmt.Sprintf("%d settings are wrong:\n  %s", len(p), strings.Join(p, "\n  "))
}

// Is lets errors.Is tell problems of the configuration from other errors.
func (p Problems) Is(target error) bool {
	_, ok := target.(Problems)
	return ok
}

// IsProblem reports whether err comes from the settings.
func IsProblem(err error) bool { return errors.Is(err, Problems(nil)) }

// Config validates the flags as a whole. The error is Problems, and repeats no value
// that could be secret.
func (f Flags) Config() (Config, error) {
	var c check
	cfg := Config{
		DataDir:          orDefault(f.DataDir, DefaultDataDir),
		Addr:             c.addr(orDefault(f.Addr, DefaultAddr)),
		DatabaseURL:      c.database(f.DatabaseURL),
		Secret:           c.secret(f.Secret),
		LogLevel:         c.level(orDefault(f.LogLevel, "info")),
		LogFormat:        LogFormat(c.oneOf("--log-format (ZEBLIT_LOG_FORMAT)", orDefault(f.LogFormat, "auto"), "auto", "text", "json")),
		SignUpOpen:       c.oneOf("--sign-up (ZEBLIT_SIGN_UP)", orDefault(f.SignUp, "open"), "open", "closed") == "open",
		AllowedOrigins:   c.origins(f.AllowedOrigins),
		AnthropicKey:     strings.TrimSpace(f.AnthropicKey),
		AnthropicBaseURL: c.webURL("--anthropic-base-url (ANTHROPIC_BASE_URL)", f.AnthropicBaseURL),
		AnthropicModel:   f.AnthropicModel,
		OpenAIKey:        strings.TrimSpace(f.OpenAIKey),
		OpenAIBaseURL:    c.webURL("--openai-base-url (OPENAI_BASE_URL)", f.OpenAIBaseURL),
		OpenAIModel:      f.OpenAIModel,
		DemoPace:         c.pace(orDefault(f.DemoPace, "25ms")),
		urlGiven:         f.PublicURL != "",
	}
	cfg.PublicURL = c.webURL("--public-url (ZEBLIT_URL)", orDefault(f.PublicURL, urlOf(cfg.Addr)))
	if f.Debug {
		cfg.LogLevel = slog.LevelDebug
	}
	if len(c.problems) > 0 {
		return Config{}, c.problems
	}
	return cfg, nil
}

// check collects problems; each of its methods returns the value, or a harmless one.
type check struct{ problems Problems }

func (c *check) bad(format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, args...))
}

func (c *check) addr(s string) string {
	_, port, err := net.SplitHostPort(s)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		c.bad("--addr (ZEBLIT_ADDR) must be host:port with a port up to 65535, like %s; it is %s", DefaultAddr, quote(s))
		return DefaultAddr
	}
	return s
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
