package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/zeblit/zeblit/internal/client"
	"github.com/zeblit/zeblit/internal/terminal"
)

// projectsLooked is how many of the newest projects runs without --project looks into.
const projectsLooked = 20

type runsCommand struct {
	target
	format
	Project string `name:"project" env:"ZEBLIT_PROJECT" placeholder:"ID|NAME" help:"Of this project. Default: of the 20 newest projects."`
	Limit   int    `name:"limit" default:"20" placeholder:"N" help:"How many at most."`
}

func (f *runsCommand) Run(ctx context.Context, c console) error {
	if f.Limit < 1 {
		return &codeError{exitUsage, errors.New("--limit must be 1 or more")}
	}
	return f.with(ctx, c, nil, func(api *client.Client) error {
		runs, err := f.read(ctx, api)
		if err != nil {
			return err
		}
		head := []string{"ID", "STATE", "AGENT", "ASKED", "PROJECT", "MESSAGE"}
		return writeList(c, f.format, sequence(runs), head, func(r client.Run) []string {
			text := ""
			if r.Message != nil {
				text = terminal.Shorten(r.Message.Text, 40)
			}
			return []string{r.ID, r.State, r.Agent.Slug, terminal.Time(r.CreatedAt), terminal.Shorten(r.Project.Name, 24), text}
		})
	})
}

func (f *runsCommand) read(ctx context.Context, api *client.Client) ([]client.Run, error) {
	if f.Project != "" {
		p, err := api.Project(ctx, f.Project)
		if err != nil {
			return nil, err
		}
		return take(api.Runs(ctx, p.ID), f.Limit)
	}
	projects, err := take(api.Projects(ctx), projectsLooked)
	if err != nil {
		return nil, err
	}
	var all []client.Run
	for _, p := range projects {
		runs, err := take(api.Runs(ctx, p.ID), f.Limit)
		if err != nil {
			return nil, err
		}
		all = append(all, runs...)
	}
	slices.SortFunc(all, func(a, b client.Run) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), strings.Compare(b.ID, a.ID))
	})
	return all[:min(len(all), f.Limit)], nil
}

// take reads the first n items of a list.
func take[T any](items iter.Seq2[T, error], n int) ([]T, error) {
	var out []T
	for item, err := range items {
		if err != nil {
			return nil, err
		}
		if out = append(out, item); len(out) == n {
			break
		}
	}
	return out, nil
}

type runCommand struct {
	Watch  runWatchCommand  `cmd:"" help:"Show a run from its start to its end, live."`
	Cancel runCancelCommand `cmd:"" help:"End a run."`
}

type runWatchCommand struct {
	target
	JSON bool   `name:"json" help:"Each event as one line, as the API gives it."`
	ID   string `arg:"" help:"The run's id."`
}

func (f *runWatchCommand) Run(ctx context.Context, c console) error {
	show := newWatch(c, f.JSON)
	return f.with(ctx, c, show.notice, func(api *client.Client) error {
		run, err := api.Run(ctx, f.ID)
		if err != nil {
			return err
		}
		return show.follow(ctx, api, run, false)
	})
}

type runCancelCommand struct {
	target
	format
	ID string `arg:"" help:"The run's id."`
}

func (f *runCancelCommand) Run(ctx context.Context, c console) error {
	return f.with(ctx, c, nil, func(api *client.Client) error {
		run, err := api.CancelRun(ctx, f.ID)
		if err != nil {
			return err
		}
		if f.JSON {
			return writeJSON(c.out, run)
		}
		_, err = fmt.Fprintf(c.out, "%s  %s\n", run.ID, run.State)
		return err
	})
}
