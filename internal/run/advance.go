package run

import (
	"context"
	"errors"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/message"
	"github.com/zeblit/zeblit/ent/toolcall"
	"github.com/zeblit/zeblit/internal/faults"
	"github.com/zeblit/zeblit/internal/store"
)

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
		if err := e.limits.exceeded(l.run); err != nil {
			return err
		}
		ended, err := e.callModel(ctx, l)
		if err != nil || ended {
			return err
		}
		if planned, err = e.plannedCalls(ctx, l); err != nil {
			return err
		}
	}
	if err := e.runTools(ctx, l, planned); errors.Is(err, errParked) {
		return nil
	} else if err != nil {
		return err
	}
	return e.boundary(ctx, l)
}

// concluded ends what an earlier worker has done all of but its end: a step whose calls
// are all closed, or a run that has its last answer, which an earlier version wrote
// apart. The model is not to be asked again.
func (e *Engine) concluded(ctx context.Context, l *lease) (bool, error) {
	if l.epoch == 1 { // nobody had it before
		return false, nil
	}
	last, err := e.db.Ent.Message.Query().
		Where(message.RunID(l.run.ID), message.RoleEQ(enum.RoleAssistant), message.StatusEQ(enum.MessageComplete)).
		Order(ent.Desc(message.FieldPosition)).First(ctx)
	if ent.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	goesOn, err := e.db.Ent.ToolCall.Query().Where(toolcall.MessageID(last.ID)).Exist(ctx)
	switch {
	case err != nil:
		return false, err
	case goesOn && last.Step == l.run.Step:
		return true, e.boundary(ctx, l)
	case goesOn:
		return false, nil
	}
	return true, e.finish(ctx, l, succeeded, "")
}

// boundary ends the step: the run is free again and its next job is there. An agent that
// goes in circles, and was told so, asks people here.
func (e *Engine) boundary(ctx context.Context, l *lease) error {
	circle, err := e.circle(ctx, l)
	if err != nil {
		return err
	}
	err = e.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := e.fence(ctx, tx, l); err != nil {
			return err
		}
		if circle != "" {
			return e.heed(ctx, tx, l, circle)
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
