package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/zeblit/zeblit/internal/client"
)

const (
	// lookEvery is how often the terminal looks at a command.
	lookEvery = 150 * time.Millisecond
	// patience is how long an interrupted command may take to end before it is killed.
	patience = 5 * time.Second
	// exitLost is for commands that were refused, or of which nobody knows the end.
	exitLost = 125
)

type execCommand struct {
	inProject
	Shell      bool          `name:"shell" short:"s" help:"The words are one line for sh -c."`
	Directory  string        `name:"directory" short:"C" placeholder:"DIR" help:"Run it in this folder of the project."`
	Branch     string        `name:"branch" placeholder:"NAME" help:"On this branch's files. Default: main."`
	Timeout    time.Duration `name:"timeout" placeholder:"DURATION" help:"Kill it after that long, 30m at most. Default: 2m."`
	Background bool          `name:"background" short:"b" help:"Let it run, and print its id."`
	Words      []string      `arg:"" name:"command" passthrough:"" help:"The program and its arguments."`
}

// Run runs a command in the project's sandbox and ends as the command does.
func (f *execCommand) Run(ctx context.Context, c console) error {
	words := f.Words
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	if len(words) == 0 {
		return &codeError{exitUsage, errors.New("say which command to run")}
	}
	return f.with(ctx, c, nil, func(api *client.Client) error {
		p, err := api.Project(ctx, f.Project)
		if err != nil {
			return err
		}
		command := client.Command{ProjectID: p.ID, Directory: f.Directory, Branch: f.Branch, Timeout: f.Timeout, Background: f.Background}
		if f.Shell {
			command.Shell = strings.Join(words, " ")
		} else {
			command.Argv = words
		}
		id, err := api.RunCommand(ctx, command)
		if err != nil {
			return err
		}
		if f.Background {
			_, err := fmt.Fprintln(c.out, id)
			return err
		}
		return attend(ctx, c, api, id)
	})
}

// attend prints what a command prints until it ends. An interrupt is passed on to it; one
// that doesn't end then is killed.
func attend(ctx context.Context, c console, api *client.Client, id string) error {
	steady := context.WithoutCancel(ctx)
	interrupted := ctx.Done()
	var kill <-chan time.Time
	var state client.CommandState
	for {
		var err error
		if state, err = api.LookAtCommand(steady, id, state); err != nil {
			return err
		}
		if _, err := io.WriteString(c.out, state.Stdout.Text); err != nil {
			return err
		}
		if _, err := io.WriteString(c.err, state.Stderr.Text); err != nil {
			return err
		}
		switch {
		case state.Ended():
			return endAs(c, state)
		case state.Stdout.More || state.Stderr.More:
			continue
		}
		select {
		case <-interrupted:
			interrupted, kill = nil, time.After(patience)
			err = api.SignalCommand(steady, id, "INT")
		case <-kill:
			kill = nil
			err = api.SignalCommand(steady, id, "KILL")
		case <-time.After(lookEvery):
		}
		if err != nil {
			return err
		}
	}
}

// endAs ends the program as the command has ended.
func endAs(c console, s client.CommandState) error {
	if s.Note != nil {
		_, _ = fmt.Fprintln(c.err, "zeblit: "+*s.Note)
	}
	switch {
	case s.ExitCode == nil:
		return &codeError{code: exitLost}
	case *s.ExitCode != 0:
		return &codeError{code: *s.ExitCode}
	}
	return nil
}
