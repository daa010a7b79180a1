package graph

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/graph/model"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/workspace"
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
		if err == nil {
			p.Project, err = rowOf(ctx, p.Project, p.ID, r.DB.Ent.Project.Get, goneProject(e, p.ID))
		}
		return model.ProjectUpdated{Event: head, Snapshot: p.Project, ReadHead: func(ctx context.Context) error {
			_, _, err := load(ctx).heads.Load(ctx, e.Project)
			return err
		}}, err
	case enum.EventMessageAdded, enum.EventMessageCompleted:
		p, err := decode[stream.MessagePayload](e)
		if err == nil {
			p.Message, err = rowOf(ctx, p.Message, p.ID, r.DB.Ent.Message.Get, goneMessage(e, p.ID, p.Actor))
		}
		if e.Type == enum.EventMessageAdded {
			return model.MessageAdded{Event: head, Message: p.Message}, err
		}
		return model.MessageCompleted{Event: head, Message: p.Message}, err
	case enum.EventMessageDelta:
		p, err := decode[stream.DeltaPayload](e)
		return model.MessageDelta{Event: head, MessageID: p.MessageID, RunID: e.RunID, Offset: p.Offset, Text: p.Text}, err
	case enum.EventConversationChanged:
		p, err := decode[stream.ConversationPayload](e)
		gone := goneConversation(e, p.ID)
		if err == nil {
			p.Conversation, err = rowOf(ctx, p.Conversation, p.ID, r.DB.Ent.Conversation.Get, gone)
		}
		return model.ConversationChanged{Event: head, Conversation: p.Conversation, Deleted: p.Deleted || p.Conversation == gone}, err
	case enum.EventRunStateChanged:
		p, err := decode[stream.RunPayload](e)
		if err == nil {
			p.Run, err = rowOf(ctx, p.Run, p.ID, r.DB.Ent.Run.Get, goneRun(e, p.ID, p.Actor))
		}
		return model.RunStateChanged{Event: head, Run: p.Run}, err
	case enum.EventToolCallStarted, enum.EventToolCallOutput, enum.EventToolCallFinished:
		return r.toolCallEvent(ctx, e, head)
	case enum.EventFileChanged:
		p, err := decode[stream.FilePayload](e)
		return model.FileChanged{Event: head, Path: p.Path, Change: p.Change, Revision: p.Revision, Branch: cmp.Or(p.Branch, workspace.MainBranch)}, err
	case enum.EventCommandStarted, enum.EventCommandOutput, enum.EventCommandFinished, enum.EventSandboxChanged:
		return r.commandEvent(ctx, e, head)
	case enum.EventBranchChanged:
		p, err := decode[stream.BranchPayload](e)
		return model.BranchChanged{Event: head, Name: p.Name, Change: p.Change, Tip: p.Tip}, err
	case enum.EventMergeChanged:
		p, err := decode[stream.MergePayload](e)
		if err == nil {
			p.Merge, err = rowOf(ctx, p.Merge, p.ID, r.DB.Ent.Merge.Get, goneMerge(e, p.ID, p.Actor))
		}
		return model.MergeChanged{Event: head, Merge: p.Merge}, err
	case enum.EventQuestionAsked, enum.EventQuestionAnswered:
		p, err := decode[stream.QuestionPayload](e)
		if err == nil {
			p.Question, err = rowOf(ctx, p.Question, p.ID, r.DB.Ent.Question.Get, goneQuestion(e, p.ID, p.Actor))
		}
		if e.Type == enum.EventQuestionAsked {
			return model.QuestionAsked{Event: head, Question: p.Question}, err
		}
		return model.QuestionAnswered{Event: head, Question: p.Question}, err
	case enum.EventFindingChanged:
		p, err := decode[stream.FindingPayload](e)
		if err == nil {
			p.Finding, err = rowOf(ctx, p.Finding, p.ID, r.DB.Ent.Finding.Get, goneFinding(e, p.ID))
		}
		return model.FindingChanged{Event: head, Finding: p.Finding}, err
	case enum.EventPlanChanged:
		p, err := decode[stream.PlanPayload](e)
		if err == nil {
			p.Plan, err = rowOf(ctx, p.Plan, p.ID, r.DB.Ent.Plan.Get, gonePlan(e, p.ID))
		}
		return model.PlanChanged{Event: head, Plan: p.Plan}, err
	case enum.EventTaskChanged:
		p, err := decode[stream.TaskPayload](e)
		gone := goneTask(e, p.ID)
		if err == nil {
			p.Task, err = rowOf(ctx, p.Task, p.ID, r.DB.Ent.Task.Get, gone)
		}
		return model.TaskChanged{Event: head, Task: p.Task, Deleted: p.Deleted || p.Task == gone}, err
	case enum.EventCheckpointRestored:
		p, err := decode[stream.RestorePayload](e)
		return model.CheckpointRestored{
			Event: head, CheckpointID: p.CheckpointID, UndoID: p.UndoID, Branch: p.Branch,
			Commit: nilIfEmpty(p.Commit), ConversationID: nilIfEmpty(p.ConversationID),
		}, err
	case enum.EventApprovalRequested, enum.EventApprovalResolved:
		p, err := decode[stream.ApprovalPayload](e)
		if err == nil {
			p.Approval, err = rowOf(ctx, p.Approval, p.ID, r.DB.Ent.Approval.Get, goneApproval(e, p.ID, p.Actor))
		}
		if e.Type == enum.EventApprovalRequested {
			return model.ApprovalRequested{Event: head, Approval: p.Approval}, err
		}
		return model.ApprovalResolved{Event: head, Approval: p.Approval}, err
	case enum.EventUsageRecorded, enum.EventBudgetReached:
		return usageEvent(e, head)
	case enum.EventConsoleOutput:
		p, err := decode[stream.ConsolePayload](e)
		return model.ConsoleOutput{Event: head, Entries: p.Entries, Cleared: p.Cleared}, err
	case enum.EventStreamReset:
		p, err := decode[stream.ResetPayload](e)
		return model.StreamReset{Event: head, Reason: p.Reason}, err
	}
	return nil, fmt.Errorf("unknown type %q", e.Type)
}

func (r *Resolver) toolCallEvent(ctx context.Context, e stream.Event, head model.Event) (model.ProjectEvent, error) {
	p, err := decode[stream.ToolCallPayload](e)
	if err == nil {
		p.ToolCall, err = rowOf(ctx, p.ToolCall, p.ID, r.DB.Ent.ToolCall.Get, goneToolCall(e, p.ID))
	}
	switch e.Type {
	case enum.EventToolCallStarted:
		return model.ToolCallStarted{Event: head, ToolCall: p.ToolCall}, err
	case enum.EventToolCallOutput:
		return model.ToolCallOutput{Event: head, ToolCall: p.ToolCall, Text: p.Text, Stream: cmp.Or(p.Stream, enum.Stdout)}, err
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
