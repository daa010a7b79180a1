package graph

import (
	"context"
	"fmt"

	"entgo.io/ent/dialect/sql"

	"github.com/zeblit/zeblit/ent"
	entcommand "github.com/zeblit/zeblit/ent/command"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/predicate"
	"github.com/zeblit/zeblit/graph/model"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/command"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/relay"
	"github.com/zeblit/zeblit/internal/stream"
)

// The bounds of one part of a command's output, in bytes.
const (
	defaultPart = 64 << 10
	maxPart     = 1 << 20
)

func (r *Resolver) commandEvent(ctx context.Context, e stream.Event, head model.Event) (model.ProjectEvent, error) {
	switch e.Type {
	case enum.EventCommandOutput:
		p, err := decode[stream.OutputPayload](e)
		return model.CommandOutput{Event: head, CommandID: p.CommandID, Stream: p.Stream, OutputOffset: p.Offset, Text: p.Text}, err
	case enum.EventSandboxChanged:
		p, err := decode[stream.SandboxPayload](e)
		if err == nil {
			p.Sandbox, err = rowOf(ctx, p.Sandbox, p.ID, r.DB.Ent.Sandbox.Get, goneSandbox(e, p.ID))
		}
		return model.SandboxChanged{Event: head, Sandbox: p.Sandbox}, err
	}
	p, err := decode[stream.CommandPayload](e)
	if err == nil {
		p.Command, err = rowOf(ctx, p.Command, p.ID, r.DB.Ent.Command.Get, goneCommand(e, p.ID))
	}
	switch e.Type {
	case enum.EventCommandStarted:
		return model.CommandStarted{Event: head, Command: p.Command}, err
	case enum.EventCommandFinished:
		return model.CommandFinished{Event: head, Command: p.Command}, err
	}
	return nil, fmt.Errorf("unknown type %q", e.Type)
}

// wish asks for something to be done with a project's sandbox.
func (r *Resolver) wish(ctx context.Context, projectID string, wish enum.SandboxWish) (*ent.Sandbox, error) {
	row, err := r.Commands.Wish(ctx, projectID, wish)
	r.forget(ctx)
	return row, err
}

func inStates(states []enum.CommandState) predicate.Command {
	return func(s *sql.Selector) {
		if states != nil {
			entcommand.StateIn(states...)(s)
		}
	}
}

// figure is one of a running sandbox; nil of others, and where it can't be known.
func figure[T int | int64](s *ent.Sandbox, v T) *T {
	if s.State != enum.SandboxRunning || s.SampledAt == nil || v < 0 {
		return nil
	}
	return &v
}

// findCommand is one that the viewer may see.
func (r *Resolver) findCommand(ctx context.Context, id, field string) (*ent.Command, error) {
	if _, err := access.RequireViewer(ctx); err != nil {
		return nil, err
	}
	if relay.IDPrefix(id) != "cmd" {
		return nil, problem.Missing(field, "command")
	}
	c, found, err := load(ctx).commands.Load(ctx, id)
	if err == nil && !found {
		err = problem.Missing(field, "command")
	}
	return c, err
}

func outputPart(of *enum.OutputStream, after *int64, limit *int) (command.OutputRange, error) {
	part := command.OutputRange{Stream: deref(of), After: deref(after), Limit: defaultPart}
	if limit != nil {
		part.Limit = *limit
	}
	switch {
	case part.Limit < 1 || part.Limit > maxPart:
		return part, problem.BadField("limit", "a part has 1 to %d bytes", maxPart)
	case part.After < 0:
		return part, problem.BadField("after", "a place in the output is 0 or more")
	}
	return part, nil
}
