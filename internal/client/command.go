package client

import (
	"context"
	"fmt"
	"time"
)

// Command is one to run in a project's sandbox.
type Command struct {
	ProjectID string
	// Shell is a line for sh -c, or Argv a program with its arguments.
	Shell     string
	Argv      []string
	Directory string
	Branch    string // "" is main
	// Timeout is in whole seconds; 0 is the server's default.
	Timeout    time.Duration
	Background bool
}

// CommandState is where a command stands, with what it has printed since it was looked at
// before.
type CommandState struct {
	ID       string  `json:"id"`
	State    string  `json:"state"`
	ExitCode *int    `json:"exitCode"`
	Note     *string `json:"note"`
	Stdout   part    `json:"stdout"`
	Stderr   part    `json:"stderr"`
}

type part struct {
	Text string `json:"text"`
	Next int64  `json:"next"`
	More bool   `json:"hasMore"`
}

// Ended reports whether the command is over and all that it printed was read.
func (s CommandState) Ended() bool {
	return s.State != "QUEUED" && s.State != "RUNNING" && !s.Stdout.More && !s.Stderr.More
}

const (
	runCommandMutation    = `mutation($input: RunCommandInput!) { runCommand(input: $input) { command { id } } }`
	signalCommandMutation = `mutation($input: SignalCommandInput!) { signalCommand(input: $input) { command { id } } }`
	commandQuery          = `query($id: ID!, $out: Long, $err: Long) { command(id: $id) { id state exitCode note
		stdout: output(stream: STDOUT, after: $out) { text next hasMore }
		stderr: output(stream: STDERR, after: $err) { text next hasMore } } }`
)

// RunCommand accepts a command, once, also when the connection breaks on the way, and
// returns its id.
func (c *Client) RunCommand(ctx context.Context, in Command) (id string, err error) {
	input := map[string]any{"projectId": in.ProjectID, "idempotencyKey": newKey(), "background": in.Background}
	for name, value := range map[string]string{"shell": in.Shell, "directory": in.Directory, "branch": in.Branch} {
		if value != "" {
			input[name] = value
		}
	}
	if len(in.Argv) > 0 {
		input["argv"] = in.Argv
	}
	if in.Timeout > 0 {
		input["timeoutSeconds"] = int(in.Timeout / time.Second)
	}
	var out struct {
		RunCommand struct{ Command struct{ ID string } }
	}
	err = c.doSafely(ctx, runCommandMutation, map[string]any{"input": input}, &out)
	return out.RunCommand.Command.ID, err
}

// LookAtCommand reads how a command stands, and what it has printed after before.
func (c *Client) LookAtCommand(ctx context.Context, id string, before CommandState) (CommandState, error) {
	var out struct{ Command *CommandState }
	err := c.doSafely(ctx, commandQuery, map[string]any{"id": id, "out": before.Stdout.Next, "err": before.Stderr.Next}, &out)
	if err == nil && out.Command == nil {
		err = fmt.Errorf("command %s is gone", id)
	}
	if err != nil {
		return CommandState{}, err
	}
	return *out.Command, nil
}

// SignalCommand sends INT, TERM, HUP or KILL to a command.
func (c *Client) SignalCommand(ctx context.Context, id, signal string) error {
	var out struct{}
	return c.doSafely(ctx, signalCommandMutation, map[string]any{"input": map[string]any{"commandId": id, "signal": signal}}, &out)
}
