package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/zeblit/zeblit/internal/client"
	"github.com/zeblit/zeblit/internal/config"
)

// longestName is how much of a request becomes its project's name, in characters.
const longestName = 60

type chatCommand struct {
	DataDir string `name:"data-dir" env:"ZEBLIT_DATA_DIR" default:"./.zeblit" placeholder:"DIR" help:"Where the server keeps owner.json, for its address and key."`
	URL     string `name:"url" env:"ZEBLIT_URL" placeholder:"URL" help:"The server's address. Default: from owner.json."`
	APIKey  string `name:"api-key" env:"ZEBLIT_API_KEY" placeholder:"KEY" help:"The key to use. Default: from owner.json."`
	Project string `name:"project" placeholder:"ID|NAME" help:"Go on in this project. Default: a new one, named after the text."`
	Text    string `arg:"" help:"What you want, in your own words."`
}

func (f *chatCommand) Run(ctx context.Context, c console) error {
	text := strings.TrimSpace(f.Text)
	if text == "" {
		return &codeError{exitUsage, errors.New("say what you want, as in: zeblit chat \"Build a to-do list page\"")}
	}
	options, err := f.options(c)
	if err != nil {
		return err
	}
	api, err := client.New(options)
	if err != nil {
		return &codeError{exitUsage, err}
	}
	err = f.chat(ctx, api, text, c)
	if err != nil && ctx.Err() != nil {
		_, _ = fmt.Fprintln(c.err, "\nInterrupted. What was begun goes on at the server.")
		return &codeError{exitInterrupted, nil}
	}
	return explain(err, options.URL)
}

// options takes the address and key that were given, and what is missing from owner.json.
func (f *chatCommand) options(c console) (client.Options, error) {
	o := client.Options{URL: f.URL, Key: f.APIKey, Notice: func(s string) { _, _ = fmt.Fprintf(c.err, "\n[%s]\n", s) }}
	if o.URL != "" && o.Key != "" {
		return o, nil
	}
	dir := f.DataDir
	if dir == "" {
		dir = config.DefaultDataDir
	}
	path := filepath.Join(dir, "owner.json")
	raw, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return o, fmt.Errorf("there is no %s: start the server with make run, or give --url and --api-key", path)
	case err != nil:
		return o, fmt.Errorf("read the owner's key: %w", err)
	}
	var owner struct{ URL, APIKey string }
	if err := json.Unmarshal(raw, &owner); err != nil {
		return o, fmt.Errorf("%s is damaged: give --url and --api-key", path)
	}
	if o.URL == "" {
		o.URL = owner.URL
	}
	if o.Key == "" {
		if o.URL != owner.URL && !local(o.URL) {
			return o, fmt.Errorf("the key in %s is for another server: give one for %s with --api-key (ZEBLIT_API_KEY)", path, o.URL)
		}
		o.Key = owner.APIKey
	}
	return o, nil
}

// local reports whether an address is on this machine.
func local(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// chat subscribes before it sends, so that nothing of the answer is missed.
func (f *chatCommand) chat(ctx context.Context, api *client.Client, text string, c console) error {
	project, err := f.open(ctx, api, text)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(c.out, "Project %s (%s)\n\n", project.Name, project.ID)

	ctx, cancel := context.WithCancel(ctx)
	events := make(chan client.Event) // unbuffered: a slow terminal slows the reading, no more
	ended := make(chan error, 1)
	go func() {
		ended <- api.Events(ctx, project.ID, project.Head, func(e client.Event) error {
			select {
			case events <- e:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		close(events)
	}()
	defer func() {
		cancel()
		for range events { // until the subscription has ended
		}
	}()

	run, err := api.Send(ctx, project.ID, text)
	if err != nil {
		return err
	}
	if run == nil {
		_, _ = fmt.Fprintln(c.out, "Sent. No agent was asked.")
		return nil
	}
	show := newTranscript(c.out, run.ID)
	for e := range events {
		show.event(e)
		if e.Type == "StreamReset" {
			// The events between are gone; where the run stands is not.
			if show.run, err = api.Run(ctx, run.ID); err != nil {
				return err
			}
		}
		if show.run.Ended() {
			return f.finish(ctx, api, project.ID, show)
		}
	}
	return <-ended
}

func (f *chatCommand) open(ctx context.Context, api *client.Client, text string) (client.Project, error) {
	if f.Project != "" {
		return api.Project(ctx, f.Project)
	}
	return api.CreateProject(ctx, nameFrom(text))
}

// finish lists what the run wrote. A run that failed is an error.
func (f *chatCommand) finish(ctx context.Context, api *client.Client, projectID string, show *transcript) error {
	var files []client.File
	for _, path := range show.written() {
		file, err := api.File(ctx, projectID, path)
		if client.IsCode(err, "NOT_FOUND") {
			continue // removed meanwhile
		}
		if err != nil {
			return err
		}
		files = append(files, file)
	}
	show.files(files)
	if show.run.State == "SUCCEEDED" {
		return nil
	}
	reason := show.run.Error
	if reason == "" {
		reason = "the run was " + strings.ToLower(show.run.State)
	}
	return errors.New(reason)
}

// explain puts what to do behind the errors that a newcomer meets.
func explain(err error, address string) error {
	var unreachable *client.UnreachableError
	switch {
	case errors.As(err, &unreachable):
		return fmt.Errorf("no server answers at %s: start it with make run (%w)", address, unreachable.Err)
	case client.IsCode(err, "UNAUTHENTICATED"):
		return fmt.Errorf("%w: the key isn't of this server; give another with --api-key (ZEBLIT_API_KEY)", err)
	}
	return err
}

// nameFrom makes a project's name of a request: its first line, cut at a word.
func nameFrom(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	line = strings.TrimRightFunc(strings.Join(strings.Fields(line), " "), func(r rune) bool { return r == '.' || r == '!' || r == '?' })
	if line == "" {
		return "New project"
	}
	if utf8.RuneCountInString(line) <= longestName {
		return line
	}
	short := string([]rune(line)[:longestName])
	if at := strings.LastIndex(short, " "); at > len(short)/2 {
		short = short[:at]
	}
	return strings.TrimRightFunc(short, unicode.IsPunct) + "…"
}
