package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/zeblit/zeblit/internal/client"
	"github.com/zeblit/zeblit/internal/credentials"
	"github.com/zeblit/zeblit/internal/terminal"
)

type logoutCommand struct {
	URL   string `name:"url" env:"ZEBLIT_URL" placeholder:"URL" help:"The server's address. Default: the one signed in to last."`
	Force bool   `name:"force" help:"Forget the key also where the server can't be told to revoke it."`
}

func (f *logoutCommand) Run(ctx context.Context, c console) error {
	path, err := credentials.Path()
	if err != nil {
		return err
	}
	kept, err := loadKept(c)
	if err != nil {
		return err
	}
	address := kept.Default
	if f.URL != "" {
		if address, err = credentials.Canonical(f.URL); err != nil {
			return &codeError{exitUsage, err}
		}
	}
	server, ok := kept.Servers[address]
	if !ok {
		_, err := fmt.Fprintln(c.out, "You weren't signed in.")
		return err
	}
	if server.KeyID != "" { // a key that was given has other uses
		err := revoke(ctx, address, server.APIKey, server.KeyID)
		if err != nil && !f.Force && !client.IsCode(err, "UNAUTHENTICATED") { // which it was already
			return explain(fmt.Errorf("the key could not be revoked (--force forgets it all the same): %w", err), address)
		}
	}
	err = credentials.Update(path, func(c *credentials.Config) {
		delete(c.Servers, address)
		if c.Default == address {
			c.Default = ""
		}
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "Signed out of %s.\n", address)
	return err
}

type whoamiCommand struct {
	target
	JSON bool `name:"json" help:"One JSON object."`
}

func (f *whoamiCommand) Run(ctx context.Context, c console) error {
	at, err := f.resolve(c)
	if err != nil {
		return err
	}
	return f.with(ctx, c, nil, func(api *client.Client) error {
		user, err := api.Viewer(ctx)
		if err != nil {
			return err
		}
		if user == nil {
			return &codeError{exitCredentials, errors.New("the server doesn't know the key")}
		}
		if f.JSON {
			return writeJSON(c.out, struct {
				client.User
				URL string `json:"url"`
			}{*user, at.url})
		}
		_, err = fmt.Fprintf(c.out, "%s <%s> at %s\n", terminal.CleanLine(user.Name), terminal.CleanLine(user.Email), at.url)
		return err
	})
}
