package tools

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/merge"
)

type resolveConflict struct{}

func (resolveConflict) Name() string { return "resolve_conflict" }

// Effect says that conflicts which are decided already are left as they are.
func (resolveConflict) Effect() Effect { return Repeatable }

func (resolveConflict) Writes() bool { return true }

// Trusted says that its result is ours alone.
func (resolveConflict) Trusted() bool { return true }

func (resolveConflict) Schema() string {
	return `{"type":"object","properties":{"task":{"type":"integer","minimum":1,"description":"the number of the task whose branch is to be merged"},` +
		`"files":{"type":"array","minItems":1,"items":{"type":"object","properties":{"path":{"type":"string"},` +
		`"text":{"type":"string","description":"the whole file as it is to be"},` +
		`"take":{"type":"string","enum":["MAIN","TASK"],"description":"main's version, or the task's, instead of text"},` +
		`"delete":{"type":"boolean"}},"required":["path"],"additionalProperties":false}}},"required":["task","files"],"additionalProperties":false}`
}

func (resolveConflict) Run(ctx context.Context, env Env, input json.RawMessage) (Outcome, error) {
	var in struct {
		Task  int `json:"task"`
		Files []struct {
			Path   string  `json:"path"`
			Text   *string `json:"text"`
			Take   string  `json:"take"`
			Delete bool    `json:"delete"`
		} `json:"files"`
	}
	if err := decode(input, &in); err != nil {
		return Outcome{}, err
	}
	decisions := make([]merge.Decision, len(in.Files))
	for i, f := range in.Files {
		decisions[i] = merge.Decision{Path: f.Path, Text: f.Text, Delete: f.Delete}
		if f.Take != "" {
			side := map[string]enum.MergeSide{"MAIN": enum.SideOurs, "TASK": enum.SideTheirs}[f.Take]
			decisions[i].Side = &side
		}
	}
	if err := env.Plans.Resolve(ctx, env, in.Task, decisions); err != nil {
		return Outcome{}, err
	}
	return Outcome{Text: fmt.Sprintf("decided; the work on task %d is merged now. Call wait_for_tasks.", in.Task)}, nil
}
