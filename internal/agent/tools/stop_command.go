package tools

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/problem"
)

type stopCommand struct{}

func (stopCommand) Name() string { return "stop_command" }

// Effect says that a signal sent twice does no harm.
func (stopCommand) Effect() Effect { return Repeatable }

// Trusted says that it returns nothing of others.
func (stopCommand) Trusted() bool { return true }

func (stopCommand) Schema() string {
	return `{"type":"object","properties":{"command_id":{"type":"string","description":"as run_command named it"},"signal":{"type":"string","enum":["TERM","INT","HUP","KILL"]}},"required":["command_id"],"additionalProperties":false}`
}

func (stopCommand) Run(ctx context.Context, env Env, input json.RawMessage) (Outcome, error) {
	var in struct {
		ID     string `json:"command_id"`
		Signal string `json:"signal"`
	}
	if err := decode(input, &in); err != nil {
		return Outcome{}, err
	}
	if err := required("command_id", in.ID); err != nil {
		return Outcome{}, err
	}
	signal := cmp.Or(in.Signal, string(enum.SignalTerminate))
	if !slices.Contains(enum.Signal("").Values(), signal) {
		return Outcome{}, problem.BadField("signal", "there is no signal %q; there are: %s", signal, strings.Join(enum.Signal("").Values(), ", "))
	}
	c, err := env.Commands.InProject(ctx, env.ProjectID, in.ID)
	if err != nil {
		return Outcome{}, err
	}
	if c.State.Ended() {
		return Outcome{Text: "It has ended already: " + strings.ToLower(string(c.State)) + "."}, nil
	}
	if _, err := env.Commands.Signal(ctx, in.ID, enum.Signal(signal)); err != nil {
		return Outcome{}, err
	}
	return Outcome{Text: signal + " is sent; read_command tells what becomes of it."}, nil
}
