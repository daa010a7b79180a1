package run

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/agent"
	"github.com/zeblit/zeblit/internal/agent/tools"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/workspace"
)

// maxOutput bounds what a tool call's record keeps of its output, in bytes.
const maxOutput = 256 << 10

// maxRaces is how often a write is tried again because another commit was first.
const maxRaces = 10

// runTool makes a planned call. What the tool changes and the record that it is
// done are one transaction: a crash leaves both or neither, so that a call which
// a former worker began is made again.
func (e *Engine) runTool(ctx context.Context, l *lease, call *ent.ToolCall) error {
	if call.State == enum.ToolCallPlanned {
		if err := e.startCall(ctx, l, call.ID); err != nil {
			return err
		}
	}
	worker, err := e.db.Ent.Agent.Get(ctx, l.run.AgentID)
	if err != nil {
		return err
	}
	role, err := agent.Find(worker.Slug)
	if err != nil {
		return err
	}
	tool := tools.Find(call.Name)
	if tool == nil || !slices.Contains(role.Tools, call.Name) {
		return e.failCall(ctx, l, call.ID, "there is no tool "+clip(call.Name, 60)+"; there are: "+strings.Join(role.Tools, ", "))
	}
	// The agent acts with the rights of the person whom it serves.
	person := access.WithViewer(ctx, access.Viewer{UserID: l.run.UserID, Agent: worker.Slug})
	env := tools.Env{Files: e.workspace, ProjectID: l.run.ProjectID}
	author := workspace.Author{
		Name: worker.Name, Email: worker.Slug + "@agents.zeblit", UserID: l.run.UserID, AgentID: worker.ID, RunID: l.run.ID,
	}
	for race := 0; ; race++ {
		outcome, err := tool.Run(person, env, json.RawMessage(call.Input))
		if err == nil {
			err = e.commitCall(ctx, person, l, call, author, outcome)
		}
		p := problem.As(err)
		switch {
		case err == nil:
			return nil
		case p != nil && p.Code == problem.Conflict && p.Field == "" && race < maxRaces:
			continue // another commit was first
		case p != nil:
			return e.failCall(ctx, l, call.ID, say(p))
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

func (e *Engine) failCall(ctx context.Context, l *lease, id, text string) error {
	return e.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := e.fence(ctx, tx, l); err != nil {
			return err
		}
		return e.closeCall(ctx, tx, l, id, enum.ToolCallFailed, text)
	})
}

func (e *Engine) closeCall(ctx context.Context, tx *store.Tx, l *lease, id string, state enum.ToolCallState, output string) error {
	call, err := tx.Ent.ToolCall.UpdateOneID(id).SetState(state).SetOutput(clip(output, maxOutput)).
		SetFinishedAt(store.Now()).Save(ctx)
	if err != nil {
		return err
	}
	e.log.Append(tx, l.handle, callEvent(enum.EventToolCallFinished, call, l.run.AgentID))
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
