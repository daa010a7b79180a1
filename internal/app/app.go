// Package app builds the whole system once, explicitly, top to bottom, and runs
// it. What depends on what can be read here.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/zeblit/zeblit"
	"github.com/zeblit/zeblit/graph"
	"github.com/zeblit/zeblit/internal/agent"
	"github.com/zeblit/zeblit/internal/approvallink"
	"github.com/zeblit/zeblit/internal/checkpoint"
	"github.com/zeblit/zeblit/internal/command"
	"github.com/zeblit/zeblit/internal/config"
	"github.com/zeblit/zeblit/internal/console"
	"github.com/zeblit/zeblit/internal/conversation"
	"github.com/zeblit/zeblit/internal/filelink"
	"github.com/zeblit/zeblit/internal/finding"
	"github.com/zeblit/zeblit/internal/identity"
	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/route"
	"github.com/zeblit/zeblit/internal/merge"
	"github.com/zeblit/zeblit/internal/metrics"
	"github.com/zeblit/zeblit/internal/permission"
	"github.com/zeblit/zeblit/internal/plan"
	"github.com/zeblit/zeblit/internal/preview"
	"github.com/zeblit/zeblit/internal/project"
	"github.com/zeblit/zeblit/internal/providerkey"
	"github.com/zeblit/zeblit/internal/question"
	"github.com/zeblit/zeblit/internal/ratelimit"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/security"
	"github.com/zeblit/zeblit/internal/server"
	"github.com/zeblit/zeblit/internal/server/pages"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/usage"
	"github.com/zeblit/zeblit/internal/workspace"
	"github.com/zeblit/zeblit/web"
)

// Options are what an App needs besides its configuration.
type Options struct {
	Logger  *slog.Logger
	Version string
	// OnReady is told once, when the server listens.
	OnReady func(Ready)
	// ServeOnly leaves the runs to workers of their own.
	ServeOnly bool
	// Provider takes the place of all configured ones, for replays.
	Provider llm.Provider
}

// Ready is what a person wants to know when the server is up.
type Ready struct {
	URL     string
	DataDir string
	Demo    bool
	Model   string // provider and model
	// Owner is set when this start has made the owner's account.
	Owner *identity.Owner
	// OwnerFile is where the owner's credentials are; empty when they aren't there.
	OwnerFile string
}

// App is a built, not yet running system.
type App struct {
	cfg     config.Config
	options Options
	logger  *slog.Logger
	unlock  func() error
	url     atomic.Pointer[string] // set once by Serve

	db          *store.DB
	queue       *run.Queue
	redis       *goredis.Client // nil on a single node
	carrier     stream.Carrier
	limiter     *ratelimit.Limiter // nil: no limits
	log         *stream.Log
	deltas      *stream.Deltas
	compactor   *stream.Compactor
	repacker    *workspace.Repacker
	hub         *stream.Hub
	files       *workspace.Workspace
	console     *console.Service
	merges      *merge.Service
	questions   *question.Service
	plans       *plan.Service
	checkpoints *checkpoint.Service
	permissions *permission.Service
	findings    *finding.Service
	identity    *identity.Service
	provider    llm.Provider
	models      *route.Router
	engine      *run.Engine
	commands    *command.Service
	host        *command.Host

	installation string // the database's own name

	projectModels *providerkey.Models
	providerKeys  *providerkey.Service

	projects      *project.Service
	conversations *conversation.Service

	server  *server.Server
	metrics metrics.Registry
}

// New opens the database, brings it up to date and builds everything on it.
func New(ctx context.Context, cfg config.Config, o Options) (*App, error) {
	return whileStarting(ctx, cfg, o.Logger, func() (*App, error) {
		a := &App{cfg: cfg, options: o, logger: o.Logger, unlock: func() error { return nil }}
		if err := a.build(ctx); err != nil {
			return nil, errors.Join(err, a.Close())
		}
		return a, nil
	})
}

func (a *App) build(ctx context.Context) (err error) {
	cfg, o := a.cfg, a.options
	if err := a.open(ctx); err != nil {
		return err
	}
	if a.queue, err = run.NewQueue(ctx, a.db, cfg.DatabaseURL, a.logger); err != nil {
		return err
	}
	if err := a.connect(ctx); err != nil {
		return err
	}
	a.log = stream.NewLog(a.db, a.carrier, a.logger)
	a.deltas = stream.NewDeltas(a.log)
	a.hub = stream.NewHub(a.log, a.carrier, a.logger)
	a.compactor = stream.NewCompactor(a.db, cfg.Retention, a.logger)
	a.files = workspace.New(a.db, a.log, workspace.WithQuota(workspace.Quota(cfg.Quota)))
	a.repacker = workspace.NewRepacker(a.files, a.logger)
	a.merges = merge.New(a.db, a.log, a.files, "", a.logger)
	a.questions = question.New(a.db, a.log, a.queue, a.logger)
	a.commands = command.New(a.db, a.log, a.files, a.logger)
	a.checkpoints = checkpoint.New(a.db, a.log, a.files, a.commands, checkpoint.Retention{Age: cfg.CheckpointRetention, Last: cfg.CheckpointKeep}, a.logger)
	a.permissions = permission.New(permission.Options{DB: a.db, Log: a.log, Rules: cfg.Permissions, Expiry: cfg.ApprovalExpiry})
	a.plans = plan.New(plan.Options{
		DB: a.db, Log: a.log, Runs: run.NewControl(a.log, a.queue), Files: a.files, Merges: a.merges, Commands: a.commands, Permissions: a.permissions, Logger: a.logger,
	})
	a.console = console.New(console.Options{DB: a.db, Log: a.log, Logger: a.logger, Retention: cfg.ConsoleRetention, Limit: a.limit})
	a.findings = finding.New(finding.Options{DB: a.db, Log: a.log, Files: a.files, Page: a.previewPage})
	if err := a.openHost(ctx); err != nil {
		return err
	}
	if err := a.chooseModels(); err != nil {
		return err
	}
	a.engine = run.NewEngine(run.Options{
		DB: a.db, Log: a.log, Deltas: a.deltas, Queue: a.queue, Workspace: a.files, Commands: a.commands, Console: a.console, Security: a.findings, Models: a.projectModels, Agents: cfg.AgentModels, Logger: a.logger,
		Merges: a.merges, Plans: a.plans, Questions: question.NewBook(a.log), Checkpoints: a.checkpoints, Permissions: a.permissions,
		Slots: cfg.Runs.Slots, ProjectLimit: cfg.Runs.ProjectLimit, OrganisationLimit: cfg.Runs.OrganisationLimit,
		Deadlines: run.Deadlines{
			Step: cfg.Runs.StepTimeout, Tool: cfg.Runs.ToolTimeout, Run: cfg.Runs.RunTimeout,
			Queue: cfg.Runs.QueueTimeout, Pause: cfg.Runs.PauseTimeout, Answer: cfg.Runs.AnswerTimeout,
		},
		Limits: run.Limits{Steps: cfg.Runs.Steps, Tokens: cfg.Runs.Tokens},
		Drain:  cfg.Runs.Drain,
	})
	a.identity = identity.New(a.db, identity.Options{
		Issuer: "zeblit", Secret: cfg.Secret, SignUpOpen: cfg.SignUpOpen, Limit: a.limit, Logger: a.logger,
	})
	if err := a.identity.Start(ctx); err != nil {
		return err
	}
	if err := agent.Register(ctx, a.db); err != nil {
		return err
	}
	a.projects, a.conversations = project.New(a.db, a.log, a.files, a.engine), conversation.New(conversation.Options{
		DB: a.db, Log: a.log, Queue: a.queue, Models: a.projectModels, Files: a.files, Checkpoints: a.checkpoints,
	})
	links := filelink.New(a.db, a.identity, a.publicURL)
	previews := preview.New(preview.Options{
		DB: a.db, Files: a.files, Identity: a.identity, NewKey: a.console.Rotate, PublicURL: a.publicURL, Domain: cfg.PreviewDomain,
	})
	approvals := &approvallink.Links{DB: a.db, Signer: a.identity, Permissions: a.permissions, Waiting: a.engine, PublicURL: a.publicURL}
	exec := graph.NewExecutor(graph.Deps{
		DB: a.db, Identity: a.identity, Projects: a.projects, Conversations: a.conversations, Runs: a.engine, Budgets: usage.NewBudgets(a.db),
		ProviderKeys: a.providerKeys, Console: a.console, Previews: previews, Commands: a.commands, Workspace: a.files, Merges: a.merges, Plans: a.plans, Questions: a.questions, Checkpoints: a.checkpoints, Permissions: a.permissions, Findings: a.findings, FileLinks: links, ApprovalLinks: approvals, Models: a.models, Log: a.log, Hub: a.hub, Version: o.Version,
		Demo: a.demo(), Logger: a.logger, PublicURL: a.publicURL,
	})
	server.Protect(exec, cfg.Introspection)
	front := server.Options{
		Exec: exec, DB: a.db, Identity: a.identity, Console: a.console, Previews: previews, Files: a.files, SDL: zeblit.SDL, Version: o.Version,
		Provider: a.provider.Name(), Demo: a.demo(), Logger: a.logger,
		PublicURL: cfg.PublicURL, AllowedOrigins: cfg.AllowedOrigins, TrustedProxies: cfg.TrustedProxies,
		Introspection: cfg.Introspection, Limiter: a.limiter, Pages: pages.New(web.Assets(), o.Version), Checks: a.checks(),
		Metrics: &a.metrics, Compression: cfg.Compression, FileLinks: links, ApprovalLinks: approvals,
	}
	if l := cfg.Limits; l != nil {
		front.Requests, front.Connects, front.SocketsPerUser = l.Requests, l.Connects, l.Sockets
	}
	a.server = server.New(front)
	a.measure()
	return nil
}

// previewPage asks for the first page of a preview without a way through the network.
func (a *App) previewPage(ctx context.Context, projectID, ref string) (*security.Page, error) {
	return a.server.PreviewPage(ctx, projectID, ref)
}

// publicURL is where people reach the server. With port 0 it is known once Serve listens.
func (a *App) publicURL() string {
	if url := a.url.Load(); url != nil {
		return *url
	}
	return a.cfg.PublicURL
}

func (a *App) demo() bool { return a.provider.Name() == "demo" }

// open takes the data folder for this process and opens the database, up to date.
func (a *App) open(ctx context.Context) (err error) {
	if err := os.MkdirAll(a.cfg.DataDir, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	if a.cfg.Embedded() {
		if err := a.lock(); err != nil {
			return err
		}
	}
	if !a.cfg.Embedded() && a.cfg.RedisURL == "" {
		a.logger.WarnContext(ctx, "without Redis events travel within this process only: run one node on this database, or set REDIS_URL")
	}
	if a.db, err = openStore(a.cfg); err != nil {
		return err
	}
	return migrate(ctx, a.db, a.logger, io.Discard)
}

func openStore(cfg config.Config) (*store.DB, error) {
	if cfg.Embedded() {
		return store.OpenSQLite(filepath.Join(cfg.DataDir, "zeblit.db"))
	}
	return store.OpenPostgres(cfg.DatabaseURL)
}

// Migrate brings the database up to date and says what it did.
func Migrate(ctx context.Context, cfg config.Config, logger *slog.Logger, w io.Writer) error {
	_, err := whileStarting(ctx, cfg, logger, func() (struct{}, error) {
		return struct{}{}, migrateOnce(ctx, cfg, logger, w)
	})
	return err
}

func migrateOnce(ctx context.Context, cfg config.Config, logger *slog.Logger, w io.Writer) (err error) {
	a := &App{cfg: cfg, logger: logger, unlock: func() error { return nil }}
	defer func() { err = errors.Join(err, a.Close()) }()
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	if cfg.Embedded() {
		if err := a.lock(); err != nil {
			return err
		}
	}
	if a.db, err = openStore(cfg); err != nil {
		return err
	}
	return migrate(ctx, a.db, logger, w)
}

func migrate(ctx context.Context, db *store.DB, logger *slog.Logger, w io.Writer) error {
	applied, err := db.Migrate(ctx, func(ctx context.Context) error { return run.MigrateQueue(ctx, db, logger) })
	for _, name := range applied {
		_, _ = fmt.Fprintln(w, "applied", name)
	}
	if err == nil {
		_, _ = fmt.Fprintln(w, "The database is up to date.")
	}
	return err
}

// Check says whether the system could serve.
func (a *App) Check(ctx context.Context) error { return a.db.Ping(ctx) }

// Serve listens and works until ctx ends, then closes everything in order.
func (a *App) Serve(ctx context.Context) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", a.cfg.Addr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	url := a.cfg.URLAt(listener.Addr().String())
	a.url.Store(&url)
	ready, err := a.introduce(ctx, url)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	front := server.HTTPServer(a.server.Handler(), a.logger)
	return a.work(ctx, func(ctx context.Context, group *errgroup.Group) {
		group.Go(func() error {
			if err := front.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serve: %w", err)
			}
			return nil
		})
		group.Go(func() error {
			<-ctx.Done()
			end, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
			defer cancel()
			return a.server.Shutdown(end, front)
		})
		if a.options.OnReady != nil {
			a.options.OnReady(ready)
		}
	})
}

// closeTimeout bounds how long requests and sockets may take to end.
const closeTimeout = 10 * time.Second

// Worker advances runs until ctx ends.
func (a *App) Worker(ctx context.Context) error {
	return a.work(ctx, func(context.Context, *errgroup.Group) {})
}

// work runs the engine, what more adds to it, and below them the stream, which
// ends last, and the listener of the metrics.
func (a *App) work(ctx context.Context, more func(context.Context, *errgroup.Group)) error {
	showMetrics, err := a.listenMetrics(ctx)
	if err != nil {
		return err
	}
	below, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	streams, below := errgroup.WithContext(below)
	// The carrier outlives the deltas, so that the last of them are carried too.
	carrying, landed := context.WithCancel(context.WithoutCancel(below))
	streams.Go(func() error { return a.carrier.Run(carrying) })
	streams.Go(func() error {
		defer landed()
		return a.deltas.Run(below)
	})
	streams.Go(func() error { return a.hub.Run(below) })
	if showMetrics != nil {
		streams.Go(func() error { return showMetrics(below) })
	}

	group, above := errgroup.WithContext(ctx)
	if !a.options.ServeOnly {
		group.Go(func() error { return a.engine.Run(above) })
		group.Go(func() error { return a.host.Run(above) })
		group.Go(func() error { return a.merges.Run(above) })
		group.Go(func() error { return a.questions.Run(above) })
		group.Go(func() error { return a.plans.Run(above) })
		group.Go(func() error { return a.checkpoints.Run(above) })
		group.Go(func() error { return a.compactor.Run(above) })
		group.Go(func() error { return a.repacker.Run(above) })
		group.Go(func() error { return a.console.Run(above) })
		group.Go(func() error { return project.NewSweeper(a.projects, a.logger).Run(above) })
	}
	group.Go(func() error { // a stream that fails takes everything down
		select {
		case <-above.Done():
		case <-below.Done():
			return errors.New("the event stream ended")
		}
		return nil
	})
	more(above, group)
	err = group.Wait()
	stop()
	return errors.Join(err, streams.Wait())
}

// Close lets go of the database. Serve and Worker must have ended.
func (a *App) Close() error {
	if a.queue != nil {
		a.queue.Close()
	}
	var err error
	if a.redis != nil {
		err = a.redis.Close()
	}
	if a.db != nil {
		err = errors.Join(err, a.db.Close())
	}
	return errors.Join(err, a.unlock())
}
