package tools

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/zeblit/zeblit/internal/command"
)

// listedCommands is how many commands one call lists.
const listedCommands = 20

type readCommand struct{}

func (readCommand) Name() string { return "read_command" }

// Parallel says that it only reads.
func (readCommand) Parallel() bool { return true }

func (readCommand) Schema() string {
	return `{"type":"object","properties":{"command_id":{"type":"string","description":"as run_command named it; left out: a list"}},"additionalProperties":false}`
}

func (readCommand) Run(ctx context.Context, env Env, input json.RawMessage) (Outcome, error) {
	var in struct {
		ID string `json:"command_id"`
	}
	if err := decode(input, &in); err != nil {
		return Outcome{}, err
	}
	if in.ID != "" {
		c, err := env.Commands.InProject(ctx, env.ProjectID, in.ID)
		if err != nil {
			return Outcome{}, err
		}
		text, err := env.Commands.Told(ctx, c, toldOutput)
		return Outcome{Text: text}, err
	}
	all, err := env.Commands.List(ctx, env.ProjectID, listedCommands)
	if err != nil {
		return Outcome{}, err
	}
	if len(all) == 0 {
		return Outcome{Text: "(no commands)"}, nil
	}
	var b strings.Builder
	for _, c := range all {
		fmt.Fprintf(&b, "%s  %s  %s\n", c.ID, strings.ToLower(string(c.State)), strings.SplitN(command.Line(c), "\n", 2)[0])
	}
	return Outcome{Text: b.String()}, nil
}
