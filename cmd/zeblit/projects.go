package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/zeblit/zeblit/internal/client"
	"github.com/zeblit/zeblit/internal/terminal"
)

type projectsCommand struct {
	List   projectsListCommand   `cmd:"" default:"withargs" help:"List your projects, newest first."`
	Create projectsCreateCommand `cmd:"" help:"Make a project."`
	Delete projectsDeleteCommand `cmd:"" help:"Delete a project with everything in it."`
}

type projectsListCommand struct {
	target
	format
}

func (f *projectsListCommand) Run(ctx context.Context, c console) error {
	return f.with(ctx, c, nil, func(api *client.Client) error {
		return writeList(c, f.format, api.Projects(ctx), []string{"ID", "CREATED", "NAME"}, func(p client.Project) []string {
			return []string{p.ID, terminal.Time(p.CreatedAt), p.Name}
		})
	})
}

type projectsCreateCommand struct {
	target
	format
	Name     string `arg:"" help:"What it is called, 1–120 characters."`
	Template string `name:"template" placeholder:"SLUG" help:"What its files start from: empty, static, react, express, fastapi or go. Default: no files."`
}

func (f *projectsCreateCommand) Run(ctx context.Context, c console) error {
	return f.with(ctx, c, nil, func(api *client.Client) error {
		p, err := api.CreateProjectFrom(ctx, f.Name, f.Template)
		if err != nil {
			return err
		}
		if f.JSON {
			return writeJSON(c.out, p)
		}
		_, err = fmt.Fprintln(c.out, p.ID)
		return err
	})
}

type projectsDeleteCommand struct {
	target
	ID  string `arg:"" help:"The project's id."`
	Yes bool   `name:"yes" short:"y" help:"Don't ask."`
}

func (f *projectsDeleteCommand) Run(ctx context.Context, c console) error {
	if !client.IsProjectID(f.ID) {
		return &codeError{exitUsage, errors.New("say which by its id, as zeblit projects shows it: names need not be unique")}
	}
	if !f.Yes && !c.interactive() {
		return &codeError{exitUsage, errors.New("deleting can't be undone: say --yes")}
	}
	return f.with(ctx, c, nil, func(api *client.Client) error {
		p, err := api.Project(ctx, f.ID)
		if err != nil {
			return err
		}
		if !f.Yes && !c.agrees(fmt.Sprintf("Delete %s with its files and conversations?", terminal.CleanLine(p.Name))) {
			return errors.New("nothing was deleted")
		}
		if err := api.DeleteProject(ctx, p.ID); err != nil {
			return err
		}
		_, err = fmt.Fprintf(c.out, "Deleted %s.\n", p.ID)
		return err
	})
}
