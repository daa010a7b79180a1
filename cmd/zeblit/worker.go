package main

import (
	"context"
	"errors"

	"github.com/zeblit/zeblit/internal/app"
	"github.com/zeblit/zeblit/internal/config"
)

type workerCommand struct{ config.Flags }

func (w *workerCommand) Run(ctx context.Context, _ console) (err error) {
	cfg, err := w.Config()
	if err != nil {
		return err
	}
	if cfg.Embedded() {
		return config.Problems{"a separate worker needs a shared database: set --database-url (DATABASE_URL); with SQLite, serve works by itself"}
	}
	a, err := app.New(ctx, cfg, app.Options{Logger: newLogger(cfg), Version: version})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	return a.Worker(ctx)
}
