package run

import (
	"context"
	"fmt"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/message"
	"github.com/zeblit/zeblit/ent/toolcall"
	"github.com/zeblit/zeblit/internal/agent"
	"github.com/zeblit/zeblit/internal/agent/tools"
	"github.com/zeblit/zeblit/internal/faults"
	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/usage"
)

// maxSteps bounds how long an agent may go on without a person.
const maxSteps = 60

// advance makes one step: what an earlier worker left behind, else one call of
// the model; then the tool calls that are planned; then the boundary.
func (e *Engine) advance(ctx context.Context, l *lease) error {
	if err := e.recover(ctx, l); err != nil {
		return err
	}
	faults.Point(faults.RunRecovered)
	planned, err := e.plannedCalls(ctx, l)
	if err != nil {
		return err
	}
	if len(planned) == 0 {
		if over, err := e.concluded(ctx, l); err != nil || over {
			return err
		}
		if l.run.Step >= maxSteps {
			return &stopped{fmt.Sprintf("stopped after %d steps without an end", maxSteps)}
		}
		ended, err := e.callModel(ctx, l)
		if err != nil || ended {
			return err
		}
		if planned, err = e.plannedCalls(ctx, l); err != nil {
			return err
		}
	}
	for _, call := range planned {
		if err := e.runTool(ctx, l, call); err != nil {
			return err
		}
	}
	return e.boundary(ctx, l)
}

// concluded ends a run that has its last answer and goes on all the same: one of an
// earlier version, which wrote the two apart. The model is not to be asked again.
func (e *Engine) concluded(ctx context.Context, l *lease) (bool, error) {
	if l.epoch == 1 { // nobody had it before
		return false, nil
	}
	last, err := e.db.Ent.Message.Query().
		Where(message.RunID(l.run.ID), message.RoleEQ(enum.RoleAssistant), message.StatusEQ(enum.MessageComplete)).
		Order(ent.Desc(message.FieldPosition)).FirstID(ctx)
	if ent.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	goesOn, err := e.db.Ent.ToolCall.Query().Where(toolcall.MessageID(last)).Exist(ctx)
	if err != nil || goesOn {
		return false, err
	}
	return true, e.finish(ctx, l, succeeded, "")
}

// boundary ends the step: the run is free again and its next job is there.
func (e *Engine) boundary(ctx context.Context, l *lease) error {
	err := e.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := e.fence(ctx, tx, l); err != nil {
			return err
		}
		_, err := e.move(ctx, tx, l.run, freed, func(u *ent.RunUpdate) { u.AddStep(1).SetTakeovers(0) })
		if err != nil {
			return err
		}
		if err := e.queue.Enqueue(ctx, tx, l.run.ID); err != nil {
			return err
		}
		faults.Point(faults.StepBoundary)
		return nil
	})
	if err == nil {
		faults.Point(faults.StepEnqueued)
	}
	return err
}

func (e *Engine) plannedCalls(ctx context.Context, l *lease) ([]*ent.ToolCall, error) {
	return e.db.Ent.ToolCall.Query().
		Where(toolcall.RunID(l.run.ID), toolcall.StateIn(enum.ToolCallPlanned, enum.ToolCallRunning)).
		Order(ent.Asc(toolcall.FieldMessageID, toolcall.FieldPosition)).All(ctx)
}

func (e *Engine) prompt(ctx context.Context, l *lease) (prompt, error) {
	project, err := e.db.Ent.Project.Get(ctx, l.run.ProjectID)
	if err != nil {
		return prompt{}, err
	}
	worker, err := e.db.Ent.Agent.Get(ctx, l.run.AgentID)
	if err != nil {
		return prompt{}, err
	}
	role, err := agent.Find(worker.Slug)
	if err != nil {
		return prompt{}, lasting{err}
	}
	system, err := role.Prompt(agent.Brief{ProjectName: project.Name, ProjectDescription: project.Description})
	if err != nil {
		return prompt{}, lasting{err}
	}
	specs, err := tools.Specs(role.Tools)
	if err != nil {
		return prompt{}, lasting{err}
	}
	messages, asked, err := e.said(ctx, l)
	if err != nil {
		return prompt{}, err
	}
	p := prompt{
		Request: llm.Request{System: system, Messages: messages, Tools: specs, MaxOutputTokens: role.MaxOutputTokens},
		account: usage.AccountIn(project, l.run), asked: asked,
	}
	p.wish, err = e.wish(ctx, l, role, p)
	return p, err
}
