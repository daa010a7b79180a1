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
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/zeblit/zeblit"
	"github.com/zeblit/zeblit/graph"
	"github.com/zeblit/zeblit/internal/agent"
	"github.com/zeblit/zeblit/internal/config"
	"github.com/zeblit/zeblit/internal/conversation"
	"github.com/zeblit/zeblit/internal/identity"
	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/configured"
	"github.com/zeblit/zeblit/internal/project"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/server"
	"github.com/zeblit/zeblit/internal/server/limits"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/stream/memory"
	"github.com/zeblit/zeblit/internal/workspace"
)

// Options are what an App needs besides its configuration.
type Options struct {
	Logger  *slog.Logger
	Version string
	// OnReady is told once, when the server listens.
	OnReady func(Ready)
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

	db       *store.DB
	queue    *run.Queue
	carrier  *memory.Carrier
	deltas   *stream.Deltas
	hub      *stream.Hub
	identity *identity.Service
	provider llm.Provider
	engine   *run.Engine
	server   *server.Server
}

// New opens the database, brings it up to date and builds everything on it.
func New(ctx context.Context, cfg config.Config, o Options) (*App, error) {
	a := &App{cfg: cfg, options: o, logger: o.Logger, unlock: func() error { return nil }}
	if err := a.build(ctx); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

func (a *App) build(ctx context.Context) (err error) {
	cfg, o := a.cfg, a.options
	if err := a.open(ctx); err != nil {
		return err
	}
	if a.queue, err = run.NewQueue(ctx, a.db, cfg.DatabaseURL, a.logger); err != nil {
		return err
	}
	a.carrier = memory.New()
	log := stream.NewLog(a.db, a.carrier, a.logger)
	a.deltas = stream.NewDeltas(log)
	a.hub = stream.NewHub(log, a.carrier, a.logger)
	files := workspace.New(a.db, log)
	a.provider = configured.Choose(configured.Options{
		AnthropicKey: cfg.AnthropicKey, AnthropicBaseURL: cfg.AnthropicBaseURL, AnthropicModel: cfg.AnthropicModel,
		OpenAIKey: cfg.OpenAIKey, OpenAIBaseURL: cfg.OpenAIBaseURL, OpenAIModel: cfg.OpenAIModel,
		DemoPace: cfg.DemoPace,
	})
	a.engine = run.NewEngine(run.Options{
		DB: a.db, Log: log, Deltas: a.deltas, Queue: a.queue, Workspace: files, Provider: a.provider, Logger: a.logger,
	})
	a.identity = identity.New(a.db, identity.Options{
		Issuer: "zeblit", Secret: cfg.Secret, SignUpOpen: cfg.SignUpOpen, Logger: a.logger,
	})
	if err := a.identity.Start(ctx); err != nil {
		return err
	}
	if err := agent.Register(ctx, a.db); err != nil {
		return err
	}
	exec := graph.NewExecutor(graph.Deps{
		DB: a.db, Identity: a.identity, Projects: project.New(a.db, log),
		Conversations: conversation.New(a.db, log, a.queue), Runs: a.engine, Workspace: files,
		Log: log, Hub: a.hub, Version: o.Version, Provider: a.provider.Name(), Model: a.provider.DefaultModel(),
		Demo: a.demo(), Logger: a.logger,
	})
	exec.Use(limits.Limits{})
	a.server = server.New(server.Options{
		Exec: exec, DB: a.db, Identity: a.identity, SDL: zeblit.SDL, Version: o.Version,
		Provider: a.provider.Name(), Demo: a.demo(), AllowedOrigins: cfg.AllowedOrigins, Logger: a.logger,
	})
	return nil
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
	if !a.cfg.Embedded() {
		a.logger.WarnContext(ctx, "events travel within this process only: run one node on this database")
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
func Migrate(ctx context.Context, cfg config.Config, logger *slog.Logger, w io.Writer) (err error) {
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
	ready, err := a.introduce(ctx, a.cfg.URLAt(listener.Addr().String()))
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	web := &http.Server{
		Handler: a.server.Handler(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 60 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
		ErrorLog: slog.NewLogLogger(a.logger.Handler(), slog.LevelDebug),
	}
	return a.work(ctx, func(ctx context.Context, group *errgroup.Group) {
		group.Go(func() error {
			if err := web.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serve: %w", err)
			}
			return nil
		})
		group.Go(func() error {
			<-ctx.Done()
			end, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
			defer cancel()
			return errors.Join(a.server.CloseSockets(end), web.Shutdown(end))
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
// ends last.
func (a *App) work(ctx context.Context, more func(context.Context, *errgroup.Group)) error {
	below, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	streams, below := errgroup.WithContext(below)
	streams.Go(func() error { return a.carrier.Run(below) })
	streams.Go(func() error { return a.deltas.Run(below) })
	streams.Go(func() error { return a.hub.Run(below) })

	group, above := errgroup.WithContext(ctx)
	group.Go(func() error { return a.engine.Run(above) })
	group.Go(func() error { // a stream that fails takes everything down
		select {
		case <-above.Done():
		case <-below.Done():
			return errors.New("the event stream ended")
		}
		return nil
	})
	more(above, group)
	err := group.Wait()
	stop()
	return errors.Join(err, streams.Wait())
}

// Close lets go of the database. Serve and Worker must have ended.
func (a *App) Close() error {
	if a.queue != nil {
		a.queue.Close()
	}
	var err error
	if a.db != nil {
		err = a.db.Close()
	}
	return errors.Join(err, a.unlock())
}
