package run

import (
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

// runTool makes a planned call: it is recorded as RUNNING, made, and recorded with
// its result. A call that is RUNNING already was begun by a worker that is gone.
// What it returned as changes would have been written together with its record, so
// it had no effect and is made again, as is one that may be repeated; of any other
// the model is told that it was cut off.
func (e *Engine) runTool(ctx context.Context, l *lease, call *ent.ToolCall) error {
	worker, err := e.db.Ent.Agent.Get(ctx, l.run.AgentID)
	if err != nil {
		return err
	}
	role, err := agent.Find(worker.Slug)
	if err != nil {
		return lasting{err}
	}
	tool := tools.Find(call.Name)
	if tool != nil && !slices.Contains(role.Tools, call.Name) {
		tool = nil
	}
	begun := call.State == enum.ToolCallRunning
	if begun && tool != nil && tools.EffectOf(tool) == tools.Once {
		return e.settleCall(ctx, l, call, enum.ToolCallInterrupted, cutOff(call))
	}
	faults.Point(faults.ToolPlanned, call.Name)
	if !begun {
		if err := e.startCall(ctx, l, call.ID); err != nil {
			return err
		}
	}
	faults.Point(faults.ToolStarted, call.Name)
	if tool == nil {
		return e.settleCall(ctx, l, call, enum.ToolCallFailed, "there is no tool "+clip(call.Name, 60)+"; there are: "+strings.Join(role.Tools, ", "))
	}
	limit := e.queue.deadlines.Tool
	bounded, cancel := context.WithTimeoutCause(ctx, limit, errToolTime)
	defer cancel()
	// The agent acts with the rights of the person whom it serves.
	person := access.WithViewer(bounded, access.Viewer{UserID: l.run.UserID, Agent: worker.Slug})
	author := workspace.Author{
		Name: worker.Name, Email: worker.Slug + "@agents.zeblit", UserID: l.run.UserID, AgentID: worker.ID, RunID: l.run.ID,
	}
	err = e.makeCall(ctx, person, l, call, tool, author)
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
func (e *Engine) makeCall(ctx, person context.Context, l *lease, call *ent.ToolCall, tool tools.Tool, author workspace.Author) error {
	env := tools.Env{Files: e.workspace, ProjectID: l.run.ProjectID, CallID: call.ID}
	races := maxRaces
	if tools.EffectOf(tool) != tools.Changes {
		races = 0
	}
	for race := 0; ; race++ {
		outcome, err := tool.Run(person, env, json.RawMessage(call.Input))
		faults.Point(faults.ToolExecuted, call.Name)
		if err == nil {
			err = e.commitCall(ctx, person, l, call, author, outcome)
		}
		p := problem.As(err)
		switch {
		case err == nil:
			faults.Point(faults.ToolRecorded, call.Name)
			return nil
		case p != nil && p.Code == problem.Conflict && p.Field == "" && race < races:
			continue // another commit was first
		case p != nil:
			return e.settleCall(ctx, l, call, enum.ToolCallFailed, say(p))
		}
		return fmt.Errorf("tool %s: %w", call.Name, err)
	}
}

// commitCall applies what the tool changes and closes the call, all at once.
func (e *Engine) commitCall(ctx, person context.Context, l *lease, call *ent.ToolCall, author workspace.Author, outcome tools.Outcome) error {
	return e.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := e.fence(ctx, tx, l); err != nil {
			return err
		}
		if len(outcome.Changes) > 0 {
			if _, err := e.workspace.CommitTx(person, tx, l.run.ProjectID, author, outcome.Summary, outcome.Changes...); err != nil {
				return err
			}
		}
		return e.closeCall(ctx, tx, l, call.ID, enum.ToolCallDone, outcome.Text)
	})
}

func (e *Engine) startCall(ctx context.Context, l *lease, id string) error {
	return e.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := e.fence(ctx, tx, l); err != nil {
			return err
		}
		call, err := tx.Ent.ToolCall.UpdateOneID(id).SetState(enum.ToolCallRunning).
			SetStartedAt(store.Now()).Save(ctx)
		if err != nil {
			return err
		}
		e.log.Append(tx, l.handle, callEvent(enum.EventToolCallStarted, call, l.run.AgentID))
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
