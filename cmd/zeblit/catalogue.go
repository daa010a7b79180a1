package main

import (
	"context"

	"github.com/zeblit/zeblit/internal/client"
)

type agentsCommand struct {
	target
	format
}

func (f *agentsCommand) Run(ctx context.Context, c console) error {
	return f.with(ctx, c, nil, func(api *client.Client) error {
		return writeList(c, f.format, api.Agents(ctx), []string{"SLUG", "NAME", "WHAT IT DOES"}, func(a client.Agent) []string {
			return []string{a.Slug, a.Name, a.Description}
		})
	})
}

type modelsCommand struct {
	target
	format
}

func (f *modelsCommand) Run(ctx context.Context, c console) error {
	return f.with(ctx, c, nil, func(api *client.Client) error {
		return writeList(c, f.format, api.Models(ctx), []string{"MODEL", "PROVIDER", ""}, func(m client.Model) []string {
			switch {
			case m.Demo:
				return []string{m.Name, m.Provider, "offline script, no AI"}
			case !m.Configured:
				return []string{m.Name, m.Provider, "not configured"}
			}
			return []string{m.Name, m.Provider, ""}
		})
	})
}
