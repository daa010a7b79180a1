package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"

	"github.com/zeblit/zeblit"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/graph"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/identity"
	projects "github.com/zeblit/zeblit/internal/project"
	"github.com/zeblit/zeblit/internal/relay"
	"github.com/zeblit/zeblit/internal/server"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/stream/memory"
	"github.com/zeblit/zeblit/internal/workspace"
)

// product is what zeblit and stock have in common: everything below the transports.
type product struct {
	logger   *slog.Logger
	db       *store.DB
	log      *stream.Log
	hub      *stream.Hub
	identity *identity.Service
	deps     graph.Deps
	kept     kept
	runs     []*writer
}

// kept is what a next process on the same folder needs.
type kept struct {
	Key      string
	Projects []string
}

// writer is one run that speaks.
type writer struct {
	handle           access.StreamHandle
	runID, messageID string
	offset           int
	project          string
	head             int64
}

// newZeblit is the product, with nothing limited.
func newZeblit(ctx context.Context, s settings) (*feed, error) {
	p, err := newProduct(ctx, s)
	if err != nil {
		return nil, err
	}
	exec := graph.NewExecutor(p.deps)
	server.Protect(exec, true)
	front := server.New(server.Options{
		Exec: exec, DB: p.db, Identity: p.identity, SDL: zeblit.SDL, Version: "bench", Provider: "none",
		Logger: p.logger, PublicURL: "http://127.0.0.1", Introspection: true,
	})
	return p.feed(server.HTTPServer(front.Handler(), p.logger)), nil
}

func newProduct(ctx context.Context, s settings) (*product, error) {
	p := &product{logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	err := os.MkdirAll(s.data, 0o700)
	if err != nil {
		return nil, err
	}
	if s.database != "" {
		p.db, err = store.OpenPostgres(s.database)
	} else {
		p.db, err = store.OpenSQLite(filepath.Join(s.data, "zeblit.db"))
	}
	if err != nil {
		return nil, err
	}
	if _, err := p.db.Migrate(ctx); err != nil {
		return nil, err
	}
	carrier := memory.New()
	p.log = stream.NewLog(p.db, carrier, p.logger)
	p.hub = stream.NewHub(p.log, carrier, p.logger)
	go func() { _ = carrier.Run(ctx) }() // both end with the process
	go func() { _ = p.hub.Run(ctx) }()
	p.identity = identity.New(p.db, identity.Options{Issuer: "zeblit", Logger: p.logger})
	if err := p.identity.Start(ctx); err != nil {
		return nil, err
	}
	files := workspace.New(p.db, p.log)
	made := projects.New(p.db, p.log, files, nil) // none is deleted
	p.deps = graph.Deps{
		DB: p.db, Identity: p.identity, Projects: made, Workspace: files, Log: p.log, Hub: p.hub,
		Logger: p.logger, Version: "bench", PublicURL: func() string { return "http://127.0.0.1" },
	}
	if err := p.populate(ctx, made, s.projects, filepath.Join(s.data, "bench.json")); err != nil {
		return nil, err
	}
	if s.backlog == 0 {
		return p, nil
	}
	return p, p.publish(ctx, s.backlog, text(0, usualText))
}

// populate makes the owner and the projects, or finds those of an earlier process.
func (p *product) populate(ctx context.Context, made *projects.Service, count int, file string) error {
	raw, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(raw, &p.kept)
	}
	if errors.Is(err, fs.ErrNotExist) {
		var owner *identity.Owner
		if owner, err = p.identity.EnsureOwner(ctx); err == nil && owner == nil {
			err = errors.New("the database has an owner whose key is not known")
		}
		if err == nil {
			p.kept.Key = owner.APIKey
		}
	}
	if err != nil {
		return err
	}
	owner, err := p.identity.Authenticate(ctx, "Bearer "+p.kept.Key)
	if err != nil {
		return err
	}
	for len(p.kept.Projects) < count {
		one, err := made.Create(owner, projects.CreateInput{Name: fmt.Sprintf("Bench %d", len(p.kept.Projects)+1)})
		if err != nil {
			return err
		}
		p.kept.Projects = append(p.kept.Projects, one.ID)
	}
	for _, id := range p.kept.Projects[:count] {
		w := &writer{project: id, runID: relay.NewID("run"), messageID: relay.NewID("msg")}
		if w.handle, err = access.StreamWriter(owner, p.db.Ent, id); err != nil {
			return err
		}
		if w.head, _, err = p.log.Head(ctx, w.handle); err != nil {
			return err
		}
		p.runs = append(p.runs, w)
	}
	if raw, err = json.Marshal(p.kept); err != nil {
		return err
	}
	return os.WriteFile(file, raw, 0o600)
}

func (p *product) feed(s *http.Server) *feed {
	f := &feed{server: s, key: p.kept.Key, publish: p.publish}
	for _, w := range p.runs {
		f.projects = append(f.projects, project{w.project, w.head})
	}
	return f
}

// publish writes what each run says in one transaction, as the group committer does
// for all runs that speak at a time.
func (p *product) publish(ctx context.Context, count int, text string) error {
	return p.db.InTx(ctx, func(_ context.Context, tx *store.Tx) error {
		for _, w := range p.runs {
			for range count {
				p.log.Append(tx, w.handle, stream.Draft{Type: enum.EventMessageDelta, RunID: w.runID,
					Payload: stream.DeltaPayload{V: 1, MessageID: w.messageID, Offset: w.offset, Text: text}})
				w.offset += len(text)
			}
		}
		return nil
	})
}
