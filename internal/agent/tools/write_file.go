package tools

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/workspace"
)

type writeFile struct{}

func (writeFile) Name() string { return "write_file" }

func (writeFile) Writes() bool { return true }

// Trusted says that it returns nothing of others.
func (writeFile) Trusted() bool { return true }

func (writeFile) Schema() string {
	return `{"type":"object","properties":{"path":{"type":"string","description":"the file's path in the project, folders separated by /"},"text":{"type":"string","description":"the whole new content"}},"required":["path","text"],"additionalProperties":false}`
}

func (writeFile) Run(ctx context.Context, env Env, input json.RawMessage) (Outcome, error) {
	var in struct {
		Path string  `json:"path"`
		Text *string `json:"text"`
	}
	if err := decode(input, &in); err != nil {
		return Outcome{}, err
	}
	if err := required("path", in.Path); err != nil {
		return Outcome{}, err
	}
	if in.Text == nil {
		return Outcome{}, problem.BadField("text", "text is required; it may be empty")
	}
	if err := workspace.CheckText(*in.Text); err != nil {
		return Outcome{}, err
	}
	base, verb := "", "Create"
	switch f, err := env.Files.File(ctx, env.ProjectID, in.Path, env.Branch.Name); {
	case err == nil:
		base, verb = f.Revision, "Rewrite"
	case !problem.Is(err, problem.NotFound):
		return Outcome{}, err
	}
	return Outcome{
		Text:    fmt.Sprintf("wrote %s (%d bytes)", in.Path, len(*in.Text)),
		Summary: verb + " " + in.Path,
		Changes: []workspace.Change{{Path: in.Path, Content: in.Text, Base: &base}},
	}, nil
}
