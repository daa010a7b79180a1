package run

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/agent"
	"github.com/zeblit/zeblit/internal/agent/tools"
	"github.com/zeblit/zeblit/internal/artefact"
	"github.com/zeblit/zeblit/internal/faults"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/workspace"
)

// maxOutput bounds what a tool call's record keeps of its output, in bytes.
const maxOutput = 256 << 10

// maxRaces is how often a write is tried again because another commit was first.
const maxRaces = 10

// crewman is the agent of a step, with what its role allows.
type crewman struct {
	agent *ent.Agent
	role  agent.Role
}

func (e *Engine) crewman(ctx context.Context, l *lease) (crewman, error) {
	worker, err := e.db.Ent.Agent.Get(ctx, l.run.AgentID)
	if err != nil {
		return crewman{}, err
	}
	role, err := agent.Find(worker.Slug)
	if err != nil {
		return crewman{}, lasting{err}
	}
	return crewman{worker, role}, nil
}

// tool is the one of that name, or nil where the agent has none.
func (c crewman) tool(name string) tools.Tool {
	if !slices.Contains(c.role.Tools, name) {
		return nil
	}
	return tools.Find(name)
}

// beginCall records a planned call as RUNNING. A call that is RUNNING already was begun by
// a worker that is gone. What it returned as changes would have been written together with
// its record, so it had no effect and is made again, as is one that may be repeated; of any
// other the model is told that it was cut off. over: the call is closed, nothing is left to
// be done.
func (e *Engine) beginCall(ctx context.Context, l *lease, by crewman, call *ent.ToolCall) (over bool, err error) {
	tool := by.tool(call.Name)
	begun := call.State == enum.ToolCallRunning
	if begun && tool != nil && tools.EffectOf(tool) == tools.Once {
		return true, e.settleCall(ctx, l, call, enum.ToolCallInterrupted, cutOff(call))
	}
	faults.Point(faults.ToolPlanned, call.Name)
	var wrong *problem.Error
	if tool != nil {
		err := e.arguments.Check(tool, json.RawMessage(call.Input))
		if wrong = problem.As(err); err != nil && wrong == nil {
			return false, lasting{err}
		}
	}
	if !begun {
		if wrong == nil {
			if settled, err := e.permit(ctx, l, call, tool); settled || err != nil {
				return settled, err
			}
		}
		if err := e.startCall(ctx, l, call, tool != nil && wrong == nil && tools.Writes(tool)); err != nil {
			return false, err
		}
	}
	faults.Point(faults.ToolStarted, call.Name)
	switch {
	case tool == nil:
		return true, e.settleCall(ctx, l, call, enum.ToolCallFailed, "there is no tool "+clip(call.Name, 60)+"; there are: "+strings.Join(by.role.Tools, ", "))
	case wrong != nil:
		return true, e.settleCall(ctx, l, call, enum.ToolCallFailed, say(wrong))
	}
	return false, nil
}

// runTool makes a call that has begun, and records it with its result. errParked: the call
// makes the run wait.
func (e *Engine) runTool(ctx context.Context, l *lease, by crewman, call *ent.ToolCall) error {
	tool := by.tool(call.Name)
	limit := tools.LimitOf(tool, json.RawMessage(call.Input), e.queue.deadlines.Tool)
	bounded, cancel := context.WithTimeoutCause(ctx, limit, errToolTime)
	defer cancel()
	// The agent acts with the rights of the person whom it serves.
	person := access.WithViewer(bounded, access.Viewer{UserID: l.run.UserID, Agent: by.agent.Slug})
	author := workspace.Author{
		Name: by.agent.Name, Email: by.agent.Slug + "@agents.zeblit", UserID: l.run.UserID,
		AgentID: by.agent.ID, RunID: l.run.ID, Role: by.agent.Slug, Step: l.run.Step + 1,
	}
	err := e.makeCall(ctx, person, l, call, by.role, tool, author)
	if err == nil || ctx.Err() != nil || !errors.Is(context.Cause(bounded), errToolTime) {
		return err
	}
	if tools.EffectOf(tool) == tools.Once {
		return e.settleCall(ctx, l, call, enum.ToolCallInterrupted, fmt.Sprintf("cut off after %s: it is not known whether it took effect", limit))
	}
	return e.settleCall(ctx, l, call, enum.ToolCallFailed, fmt.Sprintf("cut off after %s", limit))
}

// errToolTime is why a use of a tool was cut off.
var errToolTime = errors.New("the tool took too long")

// cutOff tells the model of a call that nobody can tell the end of.
func cutOff(call *ent.ToolCall) string {
	began := ""
	if call.StartedAt != nil {
		began = " It began at " + call.StartedAt.UTC().Format(time.RFC3339) + "."
	}
	return "interrupted: the worker that ran this stopped before it could record a result." + began +
		" It is not known whether it took effect: look before you do it again."
}

// makeCall runs the tool and closes its call. Only what returns its changes can be
// run again because another commit was first.
func (e *Engine) makeCall(ctx, person context.Context, l *lease, call *ent.ToolCall, role agent.Role, tool tools.Tool, author workspace.Author) error {
	env := tools.Env{
		Files: e.workspace, Commands: e.commands, Console: e.console, Security: e.security, Plans: e.plans, Questions: e.questions, Crew: e, ProjectID: l.run.ProjectID, RunID: l.run.ID,
		Branch: branchOf(l.run), CallID: call.ID,
	}
	races := maxRaces
	if tools.EffectOf(tool) != tools.Changes {
		races = 0
	}
	for race := 0; ; race++ {
		outcome, err := tool.Run(person, env, json.RawMessage(call.Input))
		faults.Point(faults.ToolExecuted, call.Name)
		if err == nil {
			err = errors.Join(mayDo(tool, outcome), MayChange(role, outcome.Changes))
		}
		if err == nil {
			err = e.commitCall(ctx, person, l, call, author, outcome)
		}
		p := problem.As(err)
		switch {
		case err == nil, errors.Is(err, errParked):
			faults.Point(faults.ToolRecorded, call.Name)
			return err
		case p != nil && p.Code == problem.Conflict && p.Field == "" && race < races:
			continue // another commit was first
		case p != nil:
			return e.settleCall(ctx, l, call, enum.ToolCallFailed, say(p))
		}
		return fmt.Errorf("tool %s: %w", call.Name, err)
	}
}

// MayChange refuses what the agent's role may not write, and what others couldn't read.
func MayChange(role agent.Role, changes []workspace.Change) error {
	for _, c := range changes {
		if !role.Allows(c.Path) {
			return problem.New(problem.Forbidden, "the %s may not change %s; it writes %s", role.Name, c.Path, cmp.Or(strings.Join(role.Writes, ", "), "nothing"))
		}
		if c.Content != nil {
			if err := artefact.Check(c.Path, *c.Content); err != nil {
				return err
			}
		}
	}
	return nil
}

// commitCall applies what the tool changes and closes the call, all at once.
func (e *Engine) commitCall(ctx, person context.Context, l *lease, call *ent.ToolCall, author workspace.Author, outcome tools.Outcome) error {
	err := e.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := e.fence(ctx, tx, l); err != nil {
			return err
		}
		if len(outcome.Changes) > 0 {
			if _, err := e.workspace.CommitTx(person, tx, branchOf(l.run), author, outcome.Summary, outcome.Changes...); err != nil {
				return err
			}
		}
		if outcome.Apply != nil {
			if err := outcome.Apply(person, tx); err != nil {
				return err
			}
		}
		if outcome.Wait != "" {
			return e.wait(ctx, tx, l, call, outcome.Wait, outcome.Text)
		}
		return e.closeCall(ctx, tx, l, call.ID, enum.ToolCallDone, outcome.Text)
	})
	if err == nil && outcome.Wait != "" {
		return errParked
	}
	return err
}

// startCall records that a call begins, and before one that may change something a
// checkpoint.
func (e *Engine) startCall(ctx context.Context, l *lease, planned *ent.ToolCall, writes bool) error {
	worktree, records := "", e.checkpoints != nil && writes
	if records {
		var err error
		person := access.WithViewer(ctx, access.Viewer{UserID: l.run.UserID})
		// Who may not write there is refused by the call itself.
		if worktree, err = e.checkpoints.Snapshot(person, branchOf(l.run)); err != nil && problem.As(err) == nil {
			return fmt.Errorf("look at the worktree before %s: %w", planned.Name, err)
		}
	}
	return e.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := e.fence(ctx, tx, l); err != nil {
			return err
		}
		call, err := tx.Ent.ToolCall.UpdateOneID(planned.ID).SetState(enum.ToolCallRunning).
			SetStartedAt(store.Now()).Save(ctx)
		if err != nil {
			return err
		}
		e.log.Append(tx, l.handle, callEvent(enum.EventToolCallStarted, call, l.run.AgentID))
		if records {
			return e.recordCheckpoint(ctx, tx, l, call, worktree)
		}
		return nil
	})
}

// settleCall closes a call that changed nothing in the project.
func (e *Engine) settleCall(ctx context.Context, l *lease, call *ent.ToolCall, state enum.ToolCallState, text string) error {
	err := e.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := e.fence(ctx, tx, l); err != nil {
			return err
		}
		return e.closeCall(ctx, tx, l, call.ID, state, text)
	})
	if err == nil {
		faults.Point(faults.ToolRecorded, call.Name)
	}
	return err
}

func (c *Control) closeCall(ctx context.Context, tx *store.Tx, l *lease, id string, state enum.ToolCallState, output string) error {
	call, err := tx.Ent.ToolCall.UpdateOneID(id).SetState(state).SetOutput(clip(output, maxOutput)).
		SetFinishedAt(store.Now()).Save(ctx)
	if err != nil {
		return err
	}
	c.log.Append(tx, l.handle, callEvent(enum.EventToolCallFinished, call, l.run.AgentID))
	return nil
}

func callEvent(t enum.EventType, call *ent.ToolCall, agentID string) stream.Draft {
	by := &stream.Actor{AgentID: agentID}
	return stream.Draft{Type: t, RunID: call.RunID, Payload: stream.ToolCallPayload{V: 1, ToolCall: call, Actor: by}}
}

// say puts a problem into words for a model.
func say(p *problem.Error) string {
	if p.Field != "" {
		return fmt.Sprintf("%s (%s): %s", p.Code, p.Field, p.Message)
	}
	return fmt.Sprintf("%s: %s", p.Code, p.Message)
}

func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most] + " … (cut)"
}
