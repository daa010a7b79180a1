// Package tools holds what agents can do. A tool is a pair of files: NAME.go
// does it, NAME.md is what the model reads of it.
//
// A tool of the project's files only reads; what it wants to change it returns, so
// that the engine can commit the change and the record of the call in one
// transaction. A call that a crash cut off has therefore had no effect and can simply
// be made again. A tool with an effect outside says which: see Effect.
package tools

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/workspace"
)

// Files is the part of the workspace that tools read.
type Files interface {
	Files(ctx context.Context, projectID, prefix, ref, after string, limit int) ([]workspace.File, bool, error)
	File(ctx context.Context, projectID, path, ref string) (*workspace.File, error)
}

// Env is where a call happens. ctx carries the person on whose behalf the agent works.
type Env struct {
	Files     Files
	ProjectID string
	// CallID is the call's own and stays the same when it is made again.
	CallID string
}

// Effect says what becomes of a call that a crash cut off.
type Effect int

const (
	// Changes: all it does is in the Outcome, and is written together with the record
	// of the call. It is made again.
	Changes Effect = iota
	// Repeatable: it acts outside, and once more with the same CallID does no harm. It
	// is made again.
	Repeatable
	// Once: it acts outside and must not be repeated. The model is told that the call
	// was interrupted.
	Once
)

// EffectOf is the tool's effect: Changes unless it has a method that says otherwise.
func EffectOf(t Tool) Effect {
	if says, ok := t.(interface{ Effect() Effect }); ok {
		return says.Effect()
	}
	return Changes
}

// Outcome is what a call came to: the text for the model, and the changes that
// make it true. Summary says them as a commit message.
type Outcome struct {
	Text    string
	Summary string
	Changes []workspace.Change
}

// Tool is one thing that an agent can do. Run returns a *problem.Error for what
// the model can put right; any other error is ours. It ends soon after ctx does. A
// tool that acts outside the project has a method Effect too.
type Tool interface {
	Name() string
	Schema() string
	Run(ctx context.Context, env Env, input json.RawMessage) (Outcome, error)
}

var all = []Tool{listFiles{}, readFile{}, writeFile{}, editFile{}}

// Find returns the tool of that name, or nil.
func Find(name string) Tool {
	for _, t := range all {
		if t.Name() == name {
			return t
		}
	}
	for _, x := range extra {
		if x.tool.Name() == name {
			return x.tool
		}
	}
	return nil
}

//go:embed *.md
var descriptions embed.FS

// Specs is what a model is told of the tools of those names.
func Specs(names []string) ([]llm.Tool, error) {
	specs := make([]llm.Tool, 0, len(names))
	for _, name := range names {
		tool := Find(name)
		if tool == nil {
			return nil, fmt.Errorf("no tool %s", name)
		}
		text, err := describe(name)
		if err != nil {
			return nil, fmt.Errorf("description of tool %s: %w", name, err)
		}
		specs = append(specs, llm.Tool{
			Name:        name,
			Description: text,
			InputSchema: json.RawMessage(tool.Schema()),
		})
	}
	return specs, nil
}

func describe(name string) (string, error) {
	for _, x := range extra {
		if x.tool.Name() == name {
			return x.description, nil
		}
	}
	text, err := descriptions.ReadFile(name + ".md")
	return string(bytes.TrimSpace(text)), err
}

// decode reads a tool's input. The schema is in the model's hands; what it gets
// wrong comes back to it in words.
func decode(input json.RawMessage, into any) error {
	d := json.NewDecoder(bytes.NewReader(input))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil && err != io.EOF {
		return problem.New(problem.BadInput, "the input does not fit the tool's schema: check its field names and types")
	}
	return nil
}

func required(field, value string) error {
	if value == "" {
		return problem.BadField(field, "%s is required", field)
	}
	return nil
}
