// Package config turns flags and environment variables into one validated Config.
// Flags holds the words as they were given; Config makes sense of them, and names
// every problem at once rather than the first.
//
// A flag wins over its variable, and a variable over the default. An empty variable
// counts as not set.
package config

import (
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/zeblit/zeblit/internal/llm/configured"
	"github.com/zeblit/zeblit/internal/llm/route"
	"github.com/zeblit/zeblit/internal/policy"
	"github.com/zeblit/zeblit/internal/ratelimit"
)

// Config is how one process of Zeblit is set up. It is complete: every default is
// filled in, and every value has been checked.
type Config struct {
	// DataDir holds the embedded database and owner.json.
	DataDir string
	// Addr is where the server listens, as host:port. Port 0 takes a free one.
	Addr string
	// MetricsAddr is where the metrics are shown to everybody who reaches it, as
	// host:port. Empty: nowhere; the server's own /metrics is for admins.
	MetricsAddr string
	// PublicURL is where clients reach the server: the start
	// of every link. It has no slash at its end. See URLAt for port 0.
	PublicURL string
	// PreviewDomain is below which each project's preview has a host. Empty: on this
	// machine alone, below preview.localhost.
	PreviewDomain string
	// DatabaseURL is PostgreSQL's address. Empty: SQLite in DataDir.
	DatabaseURL string
	// RedisURL is where the nodes of one installation meet. Empty: this is the only
	// node.
	RedisURL string
	// Secret encrypts keys in the database. Empty: signing keys are stored bare, and those
	// of model providers encrypted by a file of the data folder, or not at all.
	Secret string

	LogLevel  slog.Level
	LogFormat LogFormat

	// SignUpOpen lets anyone make an account.
	SignUpOpen bool
	// AllowedOrigins are the web origins, besides the server's own, whose pages may
	// use the API.
	AllowedOrigins []string
	// TrustedProxies are the addresses whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	// Introspection lets clients ask for the schema, and errors suggest names from it.
	Introspection bool
	// Compression compresses what goes out on WebSockets whose clients offer it.
	Compression bool
	// DatabaseWait is how long a start waits for a shared database that isn't available.
	DatabaseWait time.Duration

	// Limits are nil where they are switched off.
	Limits *Limits

	// Runs bounds what runs may take.
	Runs Runs

	AnthropicKey     string
	AnthropicBaseURL string
	AnthropicModel   string

	OpenAIKey     string
	OpenAIBaseURL string
	OpenAIModel   string

	GeminiKey     string
	GeminiBaseURL string
	GeminiModel   string

	// OllamaURL is where Ollama is reached. Empty: it isn't.
	OllamaURL string
	// ModelServers are more servers with OpenAI's API.
	ModelServers []configured.ServerOptions
	// AgentModels are what is wanted of agents' models, by their slugs.
	AgentModels map[string]route.Agent
	// RecordDir is where models' calls are recorded. Empty: they aren't.
	RecordDir string
	// Models are the entries that win over the catalogue's own, as catalogue.New takes
	// them.
	Models []byte
	// ModelQuick, ModelStandard and ModelComplex are the models of each tier, as
	// provider/model. Empty: those that the providers have by default.
	ModelQuick, ModelStandard, ModelComplex []string

	// Retention is how long events are kept whole.
	Retention time.Duration
	// Quota is how much each project may keep.
	Quota Quota

	// CheckpointRetention is how long checkpoints are kept, and CheckpointKeep how many of
	// a project are, however old.
	CheckpointRetention time.Duration
	CheckpointKeep      int

	// Permissions are the installation's rules of what agents may do.
	Permissions []policy.Rule
	// ApprovalExpiry is after which a question that nobody answers is denied.
	ApprovalExpiry time.Duration

	// ConsoleRetention is how long what apps write to consoles is kept.
	ConsoleRetention time.Duration

	// Sandbox is where commands of agents run: auto, bubblewrap, docker or off.
	Sandbox string
	// SandboxEngine is the container engine's address (DOCKER_HOST). Empty: none is named.
	SandboxEngine string
	// SandboxImage is the container engine's image. Empty: that of a project's template, or
	// the driver's own.
	SandboxImage string
	// SandboxImages are those for projects that started from a template, by its slug.
	SandboxImages map[string]string
	// SandboxIdleStop is after how long without a command a sandbox is stopped.
	SandboxIdleStop time.Duration
	// SandboxInside is the program that runs inside of sandboxes. Empty: this one.
	SandboxInside string
	// SandboxToolchains are more folders of the host's that commands may read.
	SandboxToolchains []string

	// DemoPace is the demo model's pause after each word. Negative: none. It is never 0.
	DemoPace time.Duration

	urlGiven bool
}

// Limits are how often something may be done.
type Limits struct {
	SignIn   ratelimit.Rate // attempts for one account from one address
	SignUp   ratelimit.Rate // accounts from one address
	Requests ratelimit.Rate // over HTTP, of one viewer, or of one address without a viewer
	Connects ratelimit.Rate // sockets and event streams opened from one address
	Sockets  int            // open at once, of one viewer
	Console  ratelimit.Rate // reports of what the pages of one project wrote to consoles
}

// Quota is how much each project may keep.
type Quota struct {
	Bytes   int64 // of the files of a branch
	Files   int64 // how many they are
	History int64 // bytes of the repository, as it is stored
}

// Runs bounds what runs may take, and how much of it at once.
type Runs struct {
	Slots             int           // steps that this process makes at once
	ProjectLimit      int           // steps at once for one project, by all processes; 0: any number
	OrganisationLimit int           // the same for one organisation
	StepTimeout       time.Duration // one call of the model with its tools
	ToolTimeout       time.Duration // one use of a tool
	RunTimeout        time.Duration // from the begin, or from a wait's end
	Steps             int           // of one run
	Tokens            int64         // of one run's calls of models together
	QueueTimeout      time.Duration // until its turn comes
	PauseTimeout      time.Duration // until somebody lets it go on
	AnswerTimeout     time.Duration // until somebody allows or answers what it asks
	Drain             time.Duration // how long steps may go on when the process is stopped; negative: not at all
}

// LogFormat is how log lines are written.
type LogFormat string

// The log formats. Auto is text on a terminal and JSON elsewhere.
const (
	LogText LogFormat = "text"
	LogJSON LogFormat = "json"
	LogAuto LogFormat = "auto"
)

// Embedded reports whether the database is a file of this process.
func (c Config) Embedded() bool { return c.DatabaseURL == "" }

// URLAt is PublicURL when it was given, else the URL of the address that the
// server really listens on.
func (c Config) URLAt(listening string) string {
	if c.urlGiven || listening == "" {
		return c.PublicURL
	}
	return urlOf(listening)
}

// Providers are the settings of the model providers.
func (c Config) Providers() configured.Options {
	return configured.Options{
		AnthropicKey: c.AnthropicKey, AnthropicBaseURL: c.AnthropicBaseURL, AnthropicModel: c.AnthropicModel,
		OpenAIKey: c.OpenAIKey, OpenAIBaseURL: c.OpenAIBaseURL, OpenAIModel: c.OpenAIModel,
		GeminiKey: c.GeminiKey, GeminiBaseURL: c.GeminiBaseURL, GeminiModel: c.GeminiModel,
		OllamaURL: c.OllamaURL, Servers: c.ModelServers, DemoPace: c.DemoPace,
	}
}

// LogValue shows what may be logged: no key, secret or database address.
func (c Config) LogValue() slog.Value {
	database := "postgres"
	if c.Embedded() {
		database = "sqlite"
	}
	return slog.GroupValue(
		slog.String("data_dir", c.DataDir),
		slog.String("addr", c.Addr),
		slog.String("url", c.PublicURL),
		slog.String("database", database),
		slog.Bool("redis", c.RedisURL != ""),
		slog.Bool("limits", c.Limits != nil),
		slog.Bool("secret", c.Secret != ""),
		slog.String("log_level", c.LogLevel.String()),
		slog.Bool("sign_up_open", c.SignUpOpen),
	)
}

// urlOf is the URL of a listening address, on this machine where it is a wildcard.
func urlOf(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "http://" + addr
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}
