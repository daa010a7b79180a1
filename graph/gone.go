package graph

import (
	"context"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/stream"
)

// rowOf is what an event tells of the entity that it is about: as its entry in the log
// has it or, where that had no room, the row as it is now; or what is left to say when
// that was deleted since. An event that failed instead would be in everybody's way until
// the log forgets it.
//
// Where nobody is in ctx no row is found, and the event is executed again for each
// viewer by itself.
func rowOf[T any](ctx context.Context, logged *T, id string, get func(context.Context, string) (*T, error), gone *T) (*T, error) {
	if logged != nil {
		return logged, nil
	}
	row, err := get(ctx, id)
	if ent.IsNotFound(err) && access.ViewerFrom(ctx) != nil {
		return gone, nil
	}
	return row, err
}

// What is gone is in a state in which nobody waits for it.

func goneProject(e stream.Event, id string) *ent.Project {
	return &ent.Project{ID: id, CreatedAt: e.At, UpdatedAt: e.At}
}

func goneMessage(e stream.Event, id string, by *stream.Actor) *ent.Message {
	gone := &ent.Message{
		ID: id, ProjectID: e.Project, RunID: nilIfEmpty(e.RunID), CreatedAt: e.At,
		Role: enum.RoleAssistant, Status: enum.MessageInterrupted,
	}
	if e.Type == enum.EventMessageCompleted {
		gone.Status, gone.CompletedAt = enum.MessageComplete, &e.At
	}
	if by != nil && by.AgentID == "" && by.UserID != "" {
		gone.Role, gone.AuthorID = enum.RoleUser, &by.UserID
	}
	return gone
}

func goneConversation(e stream.Event, id string) *ent.Conversation {
	return &ent.Conversation{ID: id, ProjectID: e.Project, CreatedAt: e.At, UpdatedAt: e.At}
}

func goneRun(e stream.Event, id string, by *stream.Actor) *ent.Run {
	return &ent.Run{ID: id, ProjectID: e.Project, AgentID: deref(by).AgentID, State: enum.RunCancelled, CreatedAt: e.At, FinishedAt: &e.At}
}

func goneToolCall(e stream.Event, id string) *ent.ToolCall {
	return &ent.ToolCall{
		ID: id, ProjectID: e.Project, RunID: e.RunID, Input: "{}", State: enum.ToolCallInterrupted, CreatedAt: e.At, FinishedAt: &e.At,
	}
}

func goneCommand(e stream.Event, id string) *ent.Command {
	return &ent.Command{
		ID: id, ProjectID: e.Project, RunID: nilIfEmpty(e.RunID), State: enum.CommandLost, CreatedAt: e.At, FinishedAt: &e.At,
	}
}

func goneSandbox(e stream.Event, id string) *ent.Sandbox {
	return &ent.Sandbox{ID: id, ProjectID: e.Project, State: enum.SandboxDeleted}
}

func goneMerge(e stream.Event, id string, by *stream.Actor) *ent.Merge {
	return &ent.Merge{
		ID: id, ProjectID: e.Project, UserID: deref(by).UserID, RunID: nilIfEmpty(e.RunID),
		State: enum.MergeCancelled, CreatedAt: e.At, FinishedAt: &e.At,
	}
}

func goneQuestion(e stream.Event, id string, by *stream.Actor) *ent.Question {
	return &ent.Question{
		ID: id, ProjectID: e.Project, RunID: e.RunID, AgentID: deref(by).AgentID,
		State: enum.QuestionCancelled, CreatedAt: e.At, DeadlineAt: e.At,
	}
}

// goneApproval is of the gravest kind: nobody can tell any more how grave it was.
func goneApproval(e stream.Event, id string, by *stream.Actor) *ent.Approval {
	return &ent.Approval{
		ID: id, ProjectID: e.Project, RunID: e.RunID, AgentID: deref(by).AgentID, Class: enum.CallDestroys, Risk: enum.RiskHigh,
		State: enum.ApprovalCancelled, Remember: enum.ApprovedOnce, CreatedAt: e.At, ExpiresAt: e.At,
	}
}

func goneFinding(e stream.Event, id string) *ent.Finding {
	return &ent.Finding{
		ID: id, ProjectID: e.Project, RunID: nilIfEmpty(e.RunID), Check: enum.CheckCode, Severity: enum.SeverityLow,
		State: enum.FindingFixed, CreatedAt: e.At, SeenAt: e.At,
	}
}

func gonePlan(e stream.Event, id string) *ent.Plan {
	return &ent.Plan{ID: id, ProjectID: e.Project, RunID: e.RunID, State: enum.PlanCancelled, CreatedAt: e.At, FinishedAt: &e.At}
}

func goneTask(e stream.Event, id string) *ent.Task {
	return &ent.Task{ID: id, ProjectID: e.Project, CreatedAt: e.At, State: enum.TaskCancelled, Priority: enum.TaskMedium}
}
