package run

import (
	"context"
	"fmt"
	"time"

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

// callModel calls the model until an answer is whole, and writes it down with
// the tool calls that it plans; an answer that plans none has ended the run. Text of a
// try that failed stays, as an interrupted message that is no part of the transcript.
func (e *Engine) callModel(ctx context.Context, l *lease) (ended bool, err error) {
	p, err := e.prompt(ctx, l)
	if err != nil {
		return false, err
	}
	whole := false // the answer that a lower limit allowed was not enough
	for n := 1; ; n++ {
		try, err := e.begin(ctx, l, p, e.choose(l), n, whole)
		if err != nil {
			return false, err
		}
		response, err := e.ask(ctx, l, try)
		if err == nil && !try.cut(response) {
			faults.Point(faults.ModelAnswered)
			return e.complete(ctx, l, try, response)
		}
		if void(ctx) {
			return false, context.Cause(ctx)
		}
		if interrupted := e.interrupt(context.WithoutCancel(ctx), l, try, try.failure(l, response, err)); interrupted != nil {
			// Not what the model said is in the way, but that it can't be written.
			return false, fmt.Errorf("interrupt the message of a failed call: %w", interrupted)
		}
		if err == nil {
			whole = true
			continue
		}
		wait, again := e.backoff.Next(n, err)
		if !again || ctx.Err() != nil {
			return false, fmt.Errorf("call the model: %w", err)
		}
		e.logger.WarnContext(ctx, "the model call failed; trying again", "run", l.run.ID, "attempt", n, "wait", wait, "error", err)
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(wait):
		}
	}
}

// choose says which model to ask: the one that was wished for, else the configured one.
func (e *Engine) choose(l *lease) choice {
	if l.run.Model != "" {
		return choice{provider: e.provider, model: l.run.Model, reason: "wished for"}
	}
	return choice{provider: e.provider, model: e.provider.DefaultModel(), reason: "configured"}
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
	messages, err := e.said(ctx, l)
	if err != nil {
		return prompt{}, err
	}
	return prompt{
		Request: llm.Request{System: system, Messages: messages, Tools: specs, MaxOutputTokens: role.MaxOutputTokens},
		account: usage.AccountIn(project, l.run),
	}, nil
}
