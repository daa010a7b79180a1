package main

import (
	"context"

	"github.com/zeblit/zeblit/internal/app"
	"github.com/zeblit/zeblit/internal/config"
)

type migrateCommand struct{ config.Flags }

func (m *migrateCommand) Run(ctx context.Context, c console) error {
	cfg, err := m.Config()
	if err != nil {
		return err
	}
	return app.Migrate(ctx, cfg, newLogger(cfg), c.out)
}
