package tools

import (
	"context"
	"encoding/json"
	"time"

	"github.com/zeblit/zeblit/internal/command"
)

// toldOutput is how much of a command's output one call returns, in bytes.
const toldOutput = 24 << 10

type runCommand struct{}

func (runCommand) Name() string { return "run_command" }

// Effect says that the same call finds the command that it has begun.
func (runCommand) Effect() Effect { return Repeatable }

// Writes says that a checkpoint is due before.
func (runCommand) Writes() bool { return true }

// Limit is how long the call may take: the command's own time and what its files need.
func (runCommand) Limit(input json.RawMessage) time.Duration {
	var in struct {
		Timeout int `json:"timeout_seconds"`
	}
	_ = json.Unmarshal(input, &in) // Run says what is wrong with it
	if in.Timeout == 0 {
		return command.DefaultTimeout + time.Minute
	}
	return min(time.Duration(in.Timeout)*time.Second, command.MaxTimeout) + time.Minute
}

func (runCommand) Schema() string {
	return `{"type":"object","properties":{"shell":{"type":"string","description":"a line for sh -c"},"argv":{"type":"array","items":{"type":"string"},"description":"a program and its arguments, instead of shell"},"directory":{"type":"string","description":"working folder below the project's root"},"timeout_seconds":{"type":"integer","minimum":1,"maximum":1800},"stdin":{"type":"string","description":"its input"},"background":{"type":"boolean","description":"return at once and let it run"}},"additionalProperties":false}`
}

func (runCommand) Run(ctx context.Context, env Env, input json.RawMessage) (Outcome, error) {
	var in struct {
		Shell      string   `json:"shell"`
		Argv       []string `json:"argv"`
		Directory  string   `json:"directory"`
		Timeout    int      `json:"timeout_seconds"`
		Stdin      string   `json:"stdin"`
		Background bool     `json:"background"`
	}
	if err := decode(input, &in); err != nil {
		return Outcome{}, err
	}
	c, err := env.Commands.RunFor(ctx, command.Call{RunID: env.RunID, ToolCallID: env.CallID}, command.Input{
		ProjectID: env.ProjectID, Branch: env.Branch.Name, Shell: in.Shell, Argv: in.Argv, Directory: in.Directory,
		Stdin: in.Stdin, Timeout: time.Duration(in.Timeout) * time.Second, Background: in.Background,
	})
	if err != nil {
		return Outcome{}, err
	}
	text, err := env.Commands.Told(ctx, c, toldOutput)
	return Outcome{Text: text}, err
}
