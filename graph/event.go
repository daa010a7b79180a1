package graph

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/graph/model"
	"github.com/zeblit/zeblit/internal/stream"
)

// event turns an entry of the log into what the API shows. Its snapshot is in the
// entry; one that was too large for it is read as it is now.
func (r *Resolver) event(ctx context.Context, e stream.Event) (model.ProjectEvent, error) {
	made, err := r.eventOf(ctx, e)
	if err != nil {
		return nil, fmt.Errorf("event %d of %s: %w", e.Seq, e.Project, err)
	}
	return made, nil
}

func (r *Resolver) eventOf(ctx context.Context, e stream.Event) (model.ProjectEvent, error) {
	head := model.Event{Cursor: e.Cursor(), Seq: e.Seq, At: e.At, Type: e.Type, WhoDidIt: whoDid(e)}
	switch e.Type {
	case enum.EventProjectUpdated:
		p, err := decode[stream.ProjectPayload](e)
		if err == nil && p.Project == nil {
			p.Project, err = r.DB.Ent.Project.Get(ctx, p.ID)
		}
		return model.ProjectUpdated{Event: head, Snapshot: p.Project, ReadHead: func(ctx context.Context) error {
			_, _, err := load(ctx).heads.Load(ctx, e.Project)
			return err
		}}, err
	case enum.EventMessageAdded, enum.EventMessageCompleted:
		p, err := decode[stream.MessagePayload](e)
		if err == nil && p.Message == nil {
			p.Message, err = r.DB.Ent.Message.Get(ctx, p.ID)
		}
		if e.Type == enum.EventMessageAdded {
			return model.MessageAdded{Event: head, Message: p.Message}, err
		}
		return model.MessageCompleted{Event: head, Message: p.Message}, err
	case enum.EventMessageDelta:
		p, err := decode[stream.DeltaPayload](e)
		return model.MessageDelta{Event: head, MessageID: p.MessageID, RunID: e.RunID, Offset: p.Offset, Text: p.Text}, err
	case enum.EventRunStateChanged:
		p, err := decode[stream.RunPayload](e)
		if err == nil && p.Run == nil {
			p.Run, err = r.DB.Ent.Run.Get(ctx, p.ID)
		}
		return model.RunStateChanged{Event: head, Run: p.Run}, err
	case enum.EventToolCallStarted, enum.EventToolCallOutput, enum.EventToolCallFinished:
		return r.toolCallEvent(ctx, e, head)
	case enum.EventFileChanged:
		p, err := decode[stream.FilePayload](e)
		return model.FileChanged{Event: head, Path: p.Path, Change: p.Change, Revision: p.Revision}, err
	case enum.EventUsageRecorded, enum.EventBudgetReached:
		return usageEvent(e, head)
	case enum.EventStreamReset:
		p, err := decode[stream.ResetPayload](e)
		return model.StreamReset{Event: head, Reason: p.Reason}, err
	}
	return nil, fmt.Errorf("unknown type %q", e.Type)
}

func (r *Resolver) toolCallEvent(ctx context.Context, e stream.Event, head model.Event) (model.ProjectEvent, error) {
	p, err := decode[stream.ToolCallPayload](e)
	if err == nil && p.ToolCall == nil {
		p.ToolCall, err = r.DB.Ent.ToolCall.Get(ctx, p.ID)
	}
	switch e.Type {
	case enum.EventToolCallStarted:
		return model.ToolCallStarted{Event: head, ToolCall: p.ToolCall}, err
	case enum.EventToolCallOutput:
		return model.ToolCallOutput{Event: head, ToolCall: p.ToolCall, Text: p.Text}, err
	}
	return model.ToolCallFinished{Event: head, ToolCall: p.ToolCall}, err
}

func decode[T any](e stream.Event) (payload T, err error) {
	if err := json.Unmarshal(e.Payload, &payload); err != nil {
		return payload, fmt.Errorf("read the payload: %w", err)
	}
	return payload, nil
}

// whoDid loads who caused e, when asked. Where the log doesn't say so it is the
// author of the message, or the agent whose run it is.
func whoDid(e stream.Event) func(context.Context) (model.Actor, error) {
	return func(ctx context.Context) (model.Actor, error) {
		who, err := stream.ActorOf(e)
		if err != nil {
			return nil, err
		}
		if who == (stream.Actor{}) {
			if who, err = implied(ctx, e); err != nil {
				return nil, err
			}
		}
		switch {
		case who.AgentID != "":
			return asNode(ctx, load(ctx).agents, who.AgentID)
		case who.UserID != "":
			return asNode(ctx, load(ctx).users, who.UserID)
		}
		return nil, nil
	}
}

func implied(ctx context.Context, e stream.Event) (stream.Actor, error) {
	switch e.Type {
	case enum.EventMessageAdded, enum.EventMessageCompleted:
		p, err := decode[stream.MessagePayload](e)
		m := p.Message
		if err == nil && m == nil {
			m, _, err = load(ctx).messages.Load(ctx, p.ID)
		}
		if err != nil || m == nil {
			return stream.Actor{}, err
		}
		return stream.Actor{UserID: deref(m.AuthorID), AgentID: deref(m.AgentID)}, nil
	case enum.EventMessageDelta, enum.EventToolCallStarted, enum.EventToolCallOutput, enum.EventToolCallFinished:
		run, found, err := load(ctx).runs.Load(ctx, e.RunID)
		if err != nil || !found {
			return stream.Actor{}, err
		}
		return stream.Actor{AgentID: run.AgentID}, nil
	}
	return stream.Actor{}, nil
}
