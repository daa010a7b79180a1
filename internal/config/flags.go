package config

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// Defaults of the settings that have one.
const (
	DefaultDataDir = "./.zeblit"
	DefaultAddr    = "127.0.0.1:8080"
)

// Flags are the settings as kong reads them. They are words on purpose: kong stops at
// the first value that it can't parse, and Config names all.
type Flags struct {
	DataDir      string `name:"data-dir" env:"ZEBLIT_DATA_DIR" default:"./.zeblit" placeholder:"DIR" help:"Where the embedded database and owner.json are kept."`
	Addr         string `name:"addr" env:"ZEBLIT_ADDR" default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Where to listen. Port 0 takes a free one."`
	MetricsAddr  string `name:"metrics-address" env:"ZEBLIT_METRICS_ADDRESS" placeholder:"HOST:PORT" help:"Where to show the metrics without asking who it is, as 127.0.0.1:9464: on this machine only, if you can. Default: nowhere; /metrics of the server is for admins."`
	PublicURL    string `name:"public-url" env:"ZEBLIT_URL" placeholder:"URL" help:"Where clients reach the server. Default: http:// and the address."`
	Preview      string `name:"preview-domain" env:"ZEBLIT_PREVIEW_DOMAIN" placeholder:"DOMAIN" help:"Below which each project's preview has a host, as preview.example.com: a wildcard of DNS leads here. Default: preview.localhost where the server's URL is of this machine, else no previews."`
	DatabaseURL  string `name:"database-url" env:"DATABASE_URL" placeholder:"URL" help:"PostgreSQL, as postgres://user:password@host/database. Default: SQLite in the data directory."`
	DatabaseWait string `name:"database-wait" env:"ZEBLIT_DATABASE_WAIT" default:"1m" placeholder:"DURATION" help:"How long to wait at the start for a PostgreSQL that is not available yet. 0: not at all."`
	RedisURL     string `name:"redis-url" env:"REDIS_URL" placeholder:"URL" help:"Redis, as redis://user:password@host:6379, by which several nodes on one PostgreSQL database hear of each other's events."`
	Secret       string `name:"secret" env:"ZEBLIT_SECRET" placeholder:"TEXT" help:"Encrypts keys in the database: at least 16 characters, the same on all nodes."`

	LogLevel  string `name:"log-level" env:"ZEBLIT_LOG_LEVEL" default:"info" placeholder:"LEVEL" help:"debug, info, warn or error."`
	LogFormat string `name:"log-format" env:"ZEBLIT_LOG_FORMAT" default:"auto" placeholder:"FORMAT" help:"text, json, or auto: text on a terminal and json elsewhere."`
	Debug     bool   `name:"debug" help:"The same as --log-level debug."`

	SignUp         string `name:"sign-up" env:"ZEBLIT_SIGN_UP" default:"open" placeholder:"WHO" help:"open: anyone may make an account; closed: nobody."`
	AllowedOrigins string `name:"allowed-origins" env:"ZEBLIT_ALLOWED_ORIGINS" placeholder:"ORIGINS" help:"Web origins besides the server's own whose pages may use the API, as https://app.example.com, separated by commas."`
	Introspection  string `name:"introspection" env:"ZEBLIT_INTROSPECTION" default:"on" placeholder:"on|off" help:"Whether clients may ask for the schema; off also ends the suggestions in errors."`
	Compression    string `name:"compression" env:"ZEBLIT_COMPRESSION" default:"off" placeholder:"on|off" help:"Compress what goes out on WebSockets whose clients offer it (permessage-deflate): less traffic, more CPU."`
	TrustedProxies string `name:"trusted-proxies" env:"ZEBLIT_TRUSTED_PROXIES" placeholder:"CIDRS" help:"Addresses of the proxies before the server, as 10.0.0.0/8, separated by commas: their X-Forwarded-For is believed."`

	Limits        string `name:"limits" env:"ZEBLIT_LIMITS" default:"on" placeholder:"on|off" help:"off: no rate limit at all, for load tests."`
	LimitSignIn   string `name:"limit-sign-in" env:"ZEBLIT_LIMIT_SIGN_IN" default:"5/5m" placeholder:"N/TIME" help:"Attempts to sign in to one account from one address."`
	LimitSignUp   string `name:"limit-sign-up" env:"ZEBLIT_LIMIT_SIGN_UP" default:"3/1h" placeholder:"N/TIME" help:"Accounts made from one address."`
	LimitRequests string `name:"limit-requests" env:"ZEBLIT_LIMIT_REQUESTS" default:"6000/1m" placeholder:"N/TIME" help:"HTTP requests, and operations on sockets, of one person, or of one address without credentials."`
	LimitConnects string `name:"limit-connects" env:"ZEBLIT_LIMIT_CONNECTS" default:"1200/1m" placeholder:"N/TIME" help:"WebSockets and event streams opened from one address."`
	LimitSockets  string `name:"limit-sockets" env:"ZEBLIT_LIMIT_SOCKETS" default:"10000" placeholder:"N" help:"WebSockets and event streams of one person that are open at once, on one node."`
	LimitConsole  string `name:"limit-console" env:"ZEBLIT_LIMIT_CONSOLE" default:"300/1m" placeholder:"N/TIME" help:"Reports, of 100 lines at most, of what one project's pages write to their consoles."`

	RunSlots             string   `name:"run-slots" env:"ZEBLIT_RUN_SLOTS" default:"100" placeholder:"N" help:"Steps of runs that this process makes at once."`
	RunLimitProject      string   `name:"run-limit-project" env:"ZEBLIT_RUN_LIMIT_PROJECT" default:"none" placeholder:"N|none" help:"Steps at once for one project, by all processes."`
	RunLimitOrganisation string   `name:"run-limit-organisation" env:"ZEBLIT_RUN_LIMIT_ORGANISATION" default:"none" placeholder:"N|none" help:"Steps at once for one organisation, by all processes."`
	StepTimeout          string   `name:"step-timeout" env:"ZEBLIT_STEP_TIMEOUT" default:"60m" placeholder:"DURATION" help:"How long one call of the model with its tools may take; then the run fails."`
	ToolTimeout          string   `name:"tool-timeout" env:"ZEBLIT_TOOL_TIMEOUT" default:"10m" placeholder:"DURATION" help:"How long one use of a tool may take; then the model is told so."`
	RunTimeout           string   `name:"run-timeout" env:"ZEBLIT_RUN_TIMEOUT" default:"24h" placeholder:"DURATION" help:"How long a run may take; then it fails."`
	RunSteps             string   `name:"run-steps" env:"ZEBLIT_RUN_STEPS" default:"60" placeholder:"N" help:"Steps of one run; then it fails, and a retry goes on with its work."`
	RunTokens            string   `name:"run-tokens" env:"ZEBLIT_RUN_TOKENS" default:"5000000" placeholder:"N" help:"Tokens that the model calls of one run may take together; then it fails, and a retry goes on with its work."`
	QueueTimeout         string   `name:"queue-timeout" env:"ZEBLIT_QUEUE_TIMEOUT" default:"336h" placeholder:"DURATION" help:"How long a run may wait for its turn; then it is cancelled."`
	PauseTimeout         string   `name:"pause-timeout" env:"ZEBLIT_PAUSE_TIMEOUT" default:"168h" placeholder:"DURATION" help:"How long a run may be paused; then it is cancelled."`
	AnswerTimeout        string   `name:"answer-timeout" env:"ZEBLIT_ANSWER_TIMEOUT" default:"168h" placeholder:"DURATION" help:"How long a run may wait for an approval or an answer; then it is cancelled."`
	Drain                string   `name:"drain" env:"ZEBLIT_DRAIN" default:"30s" placeholder:"DURATION" help:"How long the steps under way may go on when the process is stopped; then others take them over. 0: not at all."`
	SandboxIdleStop      string   `name:"sandbox-idle-stop" env:"ZEBLIT_SANDBOX_IDLE_STOP" default:"15m" placeholder:"DURATION" help:"After how long without a command a sandbox is stopped; its files are kept."`
	ProjectBytes         string   `name:"project-bytes" env:"ZEBLIT_PROJECT_BYTES" default:"100MiB" placeholder:"SIZE" help:"How much the files of a project may have together, on each branch."`
	ProjectFiles         string   `name:"project-files" env:"ZEBLIT_PROJECT_FILES" default:"10000" placeholder:"N" help:"How many files a project may have, on each branch."`
	ProjectHistory       string   `name:"project-history" env:"ZEBLIT_PROJECT_HISTORY" default:"1GiB" placeholder:"SIZE" help:"How much the history of a project's files may take in the database."`
	Retention            string   `name:"retention" env:"ZEBLIT_RETENTION" default:"168h" placeholder:"DURATION" help:"How long events are kept whole, 24h at least; a subscription from before that begins with a STREAM_RESET."`
	CheckpointRetention  string   `name:"checkpoint-retention" env:"ZEBLIT_CHECKPOINT_RETENTION" default:"720h" placeholder:"DURATION" help:"How long checkpoints are kept; the last of each project stay longer."`
	CheckpointKeep       string   `name:"checkpoint-keep" env:"ZEBLIT_CHECKPOINT_KEEP" default:"200" placeholder:"N" help:"How many checkpoints of a project are kept however old they are."`
	ConsoleRetention     string   `name:"console-retention" env:"ZEBLIT_CONSOLE_RETENTION" default:"24h" placeholder:"DURATION" help:"How long what apps write to browsers' consoles is kept."`
	Permissions          []string `name:"permission" env:"ZEBLIT_PERMISSIONS" sep:";" placeholder:"RULE" help:"What agents may do, as 'deny network' or 'ask write path=.github/**': allow, ask or deny, then a class (read, write, execute, network, destructive) and conditions (agent=, tool=, path=, command=). May be given often; in the variable, rules are separated by semicolons."`
	ApprovalExpiry       string   `name:"approval-expiry" env:"ZEBLIT_APPROVAL_EXPIRY" default:"24h" placeholder:"DURATION" help:"After how long a call that people are asked about, and nobody answers, is denied."`

	AnthropicKey     string `name:"anthropic-api-key" env:"ANTHROPIC_API_KEY" placeholder:"KEY" help:"Use Anthropic's models."`
	AnthropicBaseURL string `name:"anthropic-base-url" env:"ANTHROPIC_BASE_URL" placeholder:"URL" help:"Another server with Anthropic's API."`
	AnthropicModel   string `name:"anthropic-model" env:"ANTHROPIC_MODEL" placeholder:"NAME" help:"Which of its models."`
	OpenAIKey        string `name:"openai-api-key" env:"OPENAI_API_KEY" placeholder:"KEY" help:"Use OpenAI's models."`
	OpenAIBaseURL    string `name:"openai-base-url" env:"OPENAI_BASE_URL" placeholder:"URL" help:"Another server with OpenAI's API (Ollama, vLLM, llama.cpp); a key may not be needed."`
	OpenAIModel      string `name:"openai-model" env:"OPENAI_MODEL" placeholder:"NAME" help:"Which of its models."`
	GeminiKey        string `name:"gemini-api-key" env:"GEMINI_API_KEY" placeholder:"KEY" help:"Use Google's models."`
	GoogleKey        string `name:"google-api-key" env:"GOOGLE_API_KEY" placeholder:"KEY" help:"The same, under its other name."`
	GeminiBaseURL    string `name:"gemini-base-url" env:"GEMINI_BASE_URL" placeholder:"URL" help:"Another server with Google's API in OpenAI's words."`
	GeminiModel      string `name:"gemini-model" env:"GEMINI_MODEL" placeholder:"NAME" help:"Which of its models."`
	OllamaHost       string `name:"ollama-host" env:"OLLAMA_HOST" placeholder:"HOST" help:"Use Ollama's models: a host, host:port or URL."`
	ModelServers     string `name:"model-servers" env:"ZEBLIT_MODEL_SERVERS" placeholder:"FILE|JSON" help:"More servers with OpenAI's API: a JSON array of name, url, key or keyEnv, and models."`
	Models           string `name:"models" env:"ZEBLIT_MODELS" placeholder:"FILE|JSON" help:"Limits and prices of models in place of the built-in ones: a JSON array, see docs/models.md."`
	ModelQuick       string `name:"model-quick" env:"ZEBLIT_MODEL_QUICK" placeholder:"MODELS" help:"Models for quick work, the first that answers, as provider/model, separated by commas."`
	ModelStandard    string `name:"model-standard" env:"ZEBLIT_MODEL_STANDARD" placeholder:"MODELS" help:"The same for ordinary work."`
	ModelComplex     string `name:"model-complex" env:"ZEBLIT_MODEL_COMPLEX" placeholder:"MODELS" help:"The same for hard work."`
	AgentModels      string `name:"agent-models" env:"ZEBLIT_AGENT_MODELS" placeholder:"FILE|JSON" help:"Which models agents work with, as {\"engineer\": {\"tier\": \"complex\", \"standard\": [\"anthropic/claude-sonnet-5\"]}}."`
	RecordDir        string `name:"record" env:"ZEBLIT_RECORD" placeholder:"DIR" help:"Keep there what the models are asked and answer, without secrets, a file a conversation, for zeblit replay."`
	Sandbox          string `name:"sandbox" env:"ZEBLIT_SANDBOX" default:"auto" placeholder:"DRIVER" help:"Where agents' commands run: bubblewrap, docker (also Podman), off, or auto: bubblewrap, else the engine that DOCKER_HOST names. Nothing runs without a sandbox."`
	SandboxEngine    string `name:"sandbox-engine" env:"DOCKER_HOST" placeholder:"URL" help:"The container engine, as unix:///run/podman/podman.sock."`
	SandboxImage     string `name:"sandbox-image" env:"ZEBLIT_SANDBOX_IMAGE" placeholder:"IMAGE" help:"The container image in which commands run. Default: the one of the project's template, else node:22-bookworm."`
	SandboxImages    string `name:"sandbox-image-for" env:"ZEBLIT_SANDBOX_IMAGE_FOR" placeholder:"TEMPLATE=IMAGE" help:"Other images for projects that started from a template, as react=node:24,go=golang:1.26, separated by commas."`
	SandboxTools     string `name:"sandbox-toolchains" env:"ZEBLIT_SANDBOX_TOOLCHAINS" placeholder:"DIRS" help:"Folders besides /usr that commands may read with bubblewrap, separated by commas, as /opt/jdk."`
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
		DataDir:             orDefault(f.DataDir, DefaultDataDir),
		Addr:                c.addr("--addr (ZEBLIT_ADDR)", orDefault(f.Addr, DefaultAddr), DefaultAddr),
		MetricsAddr:         c.addrOrNone("--metrics-address (ZEBLIT_METRICS_ADDRESS)", f.MetricsAddr, "127.0.0.1:9464"),
		DatabaseURL:         c.database(f.DatabaseURL),
		DatabaseWait:        c.duration("--database-wait (ZEBLIT_DATABASE_WAIT)", orDefault(f.DatabaseWait, "1m"), 0),
		RedisURL:            c.redis(f.RedisURL),
		Secret:              c.secret(f.Secret),
		LogLevel:            c.level(orDefault(f.LogLevel, "info")),
		LogFormat:           LogFormat(c.oneOf("--log-format (ZEBLIT_LOG_FORMAT)", orDefault(f.LogFormat, "auto"), "auto", "text", "json")),
		SignUpOpen:          c.oneOf("--sign-up (ZEBLIT_SIGN_UP)", orDefault(f.SignUp, "open"), "open", "closed") == "open",
		AllowedOrigins:      c.origins(f.AllowedOrigins),
		TrustedProxies:      c.prefixes(f.TrustedProxies),
		Introspection:       c.oneOf("--introspection (ZEBLIT_INTROSPECTION)", orDefault(f.Introspection, "on"), "on", "off") == "on",
		Compression:         c.oneOf("--compression (ZEBLIT_COMPRESSION)", orDefault(f.Compression, "off"), "on", "off") == "on",
		Limits:              f.limits(&c),
		Runs:                f.runs(&c),
		Retention:           c.duration("--retention (ZEBLIT_RETENTION)", orDefault(f.Retention, "168h"), 24*time.Hour),
		Quota:               f.quota(&c),
		ConsoleRetention:    c.duration("--console-retention (ZEBLIT_CONSOLE_RETENTION)", orDefault(f.ConsoleRetention, "24h"), time.Minute),
		AnthropicKey:        strings.TrimSpace(f.AnthropicKey),
		AnthropicBaseURL:    c.webURL("--anthropic-base-url (ANTHROPIC_BASE_URL)", f.AnthropicBaseURL),
		AnthropicModel:      f.AnthropicModel,
		OpenAIKey:           strings.TrimSpace(f.OpenAIKey),
		OpenAIBaseURL:       c.webURL("--openai-base-url (OPENAI_BASE_URL)", f.OpenAIBaseURL),
		OpenAIModel:         f.OpenAIModel,
		GeminiKey:           orDefault(strings.TrimSpace(f.GeminiKey), strings.TrimSpace(f.GoogleKey)),
		GeminiBaseURL:       c.webURL("--gemini-base-url (GEMINI_BASE_URL)", f.GeminiBaseURL),
		GeminiModel:         f.GeminiModel,
		OllamaURL:           c.ollama(f.OllamaHost),
		ModelServers:        c.modelServers(f.ModelServers),
		AgentModels:         c.agentModels(f.AgentModels),
		RecordDir:           f.RecordDir,
		Models:              c.models(f.Models),
		Sandbox:             c.oneOf("--sandbox (ZEBLIT_SANDBOX)", orDefault(f.Sandbox, "auto"), "auto", "bubblewrap", "docker", "off"),
		SandboxEngine:       f.SandboxEngine,
		SandboxIdleStop:     c.duration("--sandbox-idle-stop (ZEBLIT_SANDBOX_IDLE_STOP)", orDefault(f.SandboxIdleStop, "15m"), time.Second),
		SandboxImage:        f.SandboxImage,
		SandboxImages:       c.images("--sandbox-image-for (ZEBLIT_SANDBOX_IMAGE_FOR)", f.SandboxImages),
		SandboxToolchains:   c.folders("--sandbox-toolchains (ZEBLIT_SANDBOX_TOOLCHAINS)", f.SandboxTools),
		DemoPace:            c.pace(orDefault(f.DemoPace, "25ms")),
		urlGiven:            f.PublicURL != "",
		Permissions:         c.permissions(f.Permissions),
		ApprovalExpiry:      c.duration("--approval-expiry (ZEBLIT_APPROVAL_EXPIRY)", orDefault(f.ApprovalExpiry, "24h"), time.Minute),
		CheckpointRetention: c.duration("--checkpoint-retention (ZEBLIT_CHECKPOINT_RETENTION)", orDefault(f.CheckpointRetention, "720h"), time.Minute),
		CheckpointKeep:      c.count("--checkpoint-keep (ZEBLIT_CHECKPOINT_KEEP)", orDefault(f.CheckpointKeep, "200")),
	}
	f.tiers(&c, &cfg)
	cfg.PublicURL = c.webURL("--public-url (ZEBLIT_URL)", orDefault(f.PublicURL, urlOf(cfg.Addr)))
	cfg.PreviewDomain = c.previewDomain(f.Preview, cfg.PublicURL)
	if f.Debug {
		cfg.LogLevel = slog.LevelDebug
	}
	if len(c.problems) > 0 {
		return Config{}, c.problems
	}
	return cfg, nil
}

// limits are nil where they are off, but wrong ones are told all the same.
func (f Flags) limits(c *check) *Limits {
	l := Limits{
		SignIn:   c.rate("--limit-sign-in (ZEBLIT_LIMIT_SIGN_IN)", orDefault(f.LimitSignIn, "5/5m")),
		SignUp:   c.rate("--limit-sign-up (ZEBLIT_LIMIT_SIGN_UP)", orDefault(f.LimitSignUp, "3/1h")),
		Requests: c.rate("--limit-requests (ZEBLIT_LIMIT_REQUESTS)", orDefault(f.LimitRequests, "6000/1m")),
		Connects: c.rate("--limit-connects (ZEBLIT_LIMIT_CONNECTS)", orDefault(f.LimitConnects, "1200/1m")),
		Sockets:  c.count("--limit-sockets (ZEBLIT_LIMIT_SOCKETS)", orDefault(f.LimitSockets, "10000")),
		Console:  c.rate("--limit-console (ZEBLIT_LIMIT_CONSOLE)", orDefault(f.LimitConsole, "300/1m")),
	}
	if c.oneOf("--limits (ZEBLIT_LIMITS)", orDefault(f.Limits, "on"), "on", "off") == "off" {
		return nil
	}
	return &l
}

func (f Flags) quota(c *check) Quota {
	return Quota{
		Bytes:   c.size("--project-bytes (ZEBLIT_PROJECT_BYTES)", orDefault(f.ProjectBytes, "100MiB")),
		Files:   int64(c.count("--project-files (ZEBLIT_PROJECT_FILES)", orDefault(f.ProjectFiles, "10000"))),
		History: c.size("--project-history (ZEBLIT_PROJECT_HISTORY)", orDefault(f.ProjectHistory, "1GiB")),
	}
}

func (f Flags) runs(c *check) Runs {
	return Runs{
		Slots:             c.count("--run-slots (ZEBLIT_RUN_SLOTS)", orDefault(f.RunSlots, "100")),
		ProjectLimit:      c.countOrNone("--run-limit-project (ZEBLIT_RUN_LIMIT_PROJECT)", f.RunLimitProject),
		OrganisationLimit: c.countOrNone("--run-limit-organisation (ZEBLIT_RUN_LIMIT_ORGANISATION)", f.RunLimitOrganisation),
		StepTimeout:       c.duration("--step-timeout (ZEBLIT_STEP_TIMEOUT)", orDefault(f.StepTimeout, "60m"), time.Second),
		ToolTimeout:       c.duration("--tool-timeout (ZEBLIT_TOOL_TIMEOUT)", orDefault(f.ToolTimeout, "10m"), time.Second),
		RunTimeout:        c.duration("--run-timeout (ZEBLIT_RUN_TIMEOUT)", orDefault(f.RunTimeout, "24h"), time.Second),
		Steps:             c.count("--run-steps (ZEBLIT_RUN_STEPS)", orDefault(f.RunSteps, "60")),
		Tokens:            int64(c.count("--run-tokens (ZEBLIT_RUN_TOKENS)", orDefault(f.RunTokens, "5000000"))),
		QueueTimeout:      c.duration("--queue-timeout (ZEBLIT_QUEUE_TIMEOUT)", orDefault(f.QueueTimeout, "336h"), time.Second),
		PauseTimeout:      c.duration("--pause-timeout (ZEBLIT_PAUSE_TIMEOUT)", orDefault(f.PauseTimeout, "168h"), time.Second),
		AnswerTimeout:     c.duration("--answer-timeout (ZEBLIT_ANSWER_TIMEOUT)", orDefault(f.AnswerTimeout, "168h"), time.Second),
		Drain:             orNever(c.duration("--drain (ZEBLIT_DRAIN)", orDefault(f.Drain, "30s"), 0)),
	}
}

// orNever writes no time at all as the negative number that says so.
func orNever(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}
