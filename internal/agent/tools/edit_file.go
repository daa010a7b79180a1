package tools

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/workspace"
)

type editFile struct{}

func (editFile) Name() string { return "edit_file" }

func (editFile) Writes() bool { return true }

// Trusted says that it returns nothing of others.
func (editFile) Trusted() bool { return true }

func (editFile) Schema() string {
	return `{"type":"object","properties":{"path":{"type":"string","description":"the file's path in the project"},"old_text":{"type":"string","description":"text that stands in the file exactly once"},"new_text":{"type":"string","description":"what to put in its place"}},"required":["path","old_text","new_text"],"additionalProperties":false}`
}

func (editFile) Run(ctx context.Context, env Env, input json.RawMessage) (Outcome, error) {
	var in struct {
		Path string `json:"path"`
		Old  string `json:"old_text"`
		New  string `json:"new_text"`
	}
	if err := decode(input, &in); err != nil {
		return Outcome{}, err
	}
	if err := required("path", in.Path); err != nil {
		return Outcome{}, err
	}
	if err := required("old_text", in.Old); err != nil {
		return Outcome{}, err
	}
	f, err := env.Files.File(ctx, env.ProjectID, in.Path, env.Branch.Name)
	if err != nil {
		return Outcome{}, err
	}
	if f.Text == nil {
		return Outcome{}, problem.BadField("path", "the file is binary")
	}
	switch n := strings.Count(*f.Text, in.Old); n {
	case 0:
		return Outcome{}, problem.BadField("old_text", "old_text does not stand in the file: read it and copy the text exactly")
	case 1:
	default:
		return Outcome{}, problem.BadField("old_text", "old_text stands in the file %d times: give more of the text around it", n)
	}
	text := strings.Replace(*f.Text, in.Old, in.New, 1)
	if err := workspace.CheckText(text); err != nil {
		return Outcome{}, err
	}
	return Outcome{
		Text:    fmt.Sprintf("edited %s (%d bytes)", in.Path, len(text)),
		Summary: "Edit " + in.Path,
		Changes: []workspace.Change{{Path: in.Path, Content: &text, Base: &f.Revision}},
	}, nil
}
