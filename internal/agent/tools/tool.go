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
	"slices"
	"time"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/command"
	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/workspace"
)

// Files is the part of the workspace that tools read.
type Files interface {
	Files(ctx context.Context, projectID, prefix, ref, after string, limit int) ([]workspace.File, bool, error)
	File(ctx context.Context, projectID, path, ref string) (*workspace.File, error)
}

// Commands is the part of package command that tools use.
type Commands interface {
	RunFor(ctx context.Context, call command.Call, in command.Input) (*ent.Command, error)
	InProject(ctx context.Context, projectID, id string) (*ent.Command, error)
	List(ctx context.Context, projectID string, limit int) ([]*ent.Command, error)
	Told(ctx context.Context, c *ent.Command, most int) (string, error)
	Signal(ctx context.Context, id string, signal enum.Signal) (*ent.Command, error)
}

// Env is where a call happens. ctx carries the person on whose behalf the agent works.
type Env struct {
	Files     Files
	Commands  Commands
	Console   Console
	Questions Questions
	Security  Security
	Plans     Plans
	Crew      Crew
	ProjectID string
	RunID     string
	// Branch is the one whose files the call reads and changes.
	Branch workspace.Branch
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

// LimitOf is how long a call of the tool may take: at most otherwise, unless it has a
// method that says more.
func LimitOf(t Tool, input json.RawMessage, otherwise time.Duration) time.Duration {
	if says, ok := t.(interface {
		Limit(json.RawMessage) time.Duration
	}); ok {
		return max(says.Limit(input), otherwise)
	}
	return otherwise
}

// Writes says whether the tool's calls may change the project's files, or what lies beside
// them where commands run: then what is there is recorded as a checkpoint before. A tool
// that does so has a method Writes which says yes.
func Writes(t Tool) bool {
	says, ok := t.(interface{ Writes() bool })
	return ok && says.Writes()
}

// Parallel says whether calls of the tool may be made at the same time as others: they only
// read. Such a tool has a method Parallel which says yes; its calls neither change anything
// nor have their run wait.
func Parallel(t Tool) bool {
	says, ok := t.(interface{ Parallel() bool })
	return ok && says.Parallel()
}

// Trusted says whether what the tool returns is in our words or those of the person who is
// served. The text of any other tool is marked as data for the model. A tool whose text has
// nothing of files, programs or strangers in it has a method Trusted which says yes.
func Trusted(t Tool) bool {
	says, ok := t.(interface{ Trusted() bool })
	return ok && says.Trusted()
}

// Outcome is what a call came to: the text for the model, and the changes that
// make it true. Summary says them as a commit message.
type Outcome struct {
	Text    string
	Summary string
	Changes []workspace.Change
	// Apply writes what else the call does, in the same transaction; nil: nothing. ctx
	// carries the person.
	Apply func(ctx context.Context, tx *store.Tx) error
	// Wait is the state in which the run waits from here on, without a worker, until
	// somebody closes the call: Text is what is known by then. Empty: the call is done.
	Wait enum.RunState
}

// Tool is one thing that an agent can do. Run returns a *problem.Error for what
// the model can put right; any other error is ours. It ends soon after ctx does. A
// tool that acts outside the project has a method Effect too.
type Tool interface {
	Name() string
	Schema() string
	Run(ctx context.Context, env Env, input json.RawMessage) (Outcome, error)
}

var all = []Tool{
	listFiles{}, readFile{}, writeFile{}, editFile{},
	runCommand{}, readCommand{}, stopCommand{}, readConsole{},
	askUser{}, askAgent{}, sendMessage{},
	scanSecrets, scanDependencies, scanCode, checkHeaders, reportFinding{},
	createPlan{}, addTasks{}, waitForTasks{}, updateTask{}, resolveConflict{}, showCriterion{},
}

// All lists the built-in tools.
func All() []Tool { return slices.Clone(all) }

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
