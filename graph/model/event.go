package model

import (
	"context"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/usage"
)

// Actor is a *ent.User or a *ent.Agent.
type Actor any

// ProjectEvent is any of the events below.
type ProjectEvent interface{ IsProjectEvent() }

// Event is what all events have.
type Event struct {
	Cursor string
	Seq    int64
	At     time.Time
	Type   enum.EventType
	// WhoDidIt loads the actor when somebody asks.
	WhoDidIt func(context.Context) (Actor, error)
}

// IsProjectEvent marks the events.
func (Event) IsProjectEvent() {}

// Actor loads who did it.
func (e Event) Actor(ctx context.Context) (Actor, error) { return e.WhoDidIt(ctx) }

// ProjectUpdated says that a project changed.
type ProjectUpdated struct {
	Event
	Snapshot *ent.Project
	// ReadHead notes the project's head before anything of the project is read.
	ReadHead func(context.Context) error
}

// Project is the project as it was then. Only its headCursor is as it is now.
func (e ProjectUpdated) Project(ctx context.Context) (*ent.Project, error) {
	if graphql.FieldRequested(ctx, "headCursor") {
		if err := e.ReadHead(ctx); err != nil {
			return nil, err
		}
	}
	return e.Snapshot, nil
}

// MessageAdded says that a message began.
type MessageAdded struct {
	Event
	Message *ent.Message
}

// MessageDelta says that a message grew.
type MessageDelta struct {
	Event
	MessageID, RunID string
	Offset           int
	Text             string
}

// MessageCompleted says that a message will not grow any more.
type MessageCompleted struct {
	Event
	Message *ent.Message
}

// ConversationChanged says that a conversation has another title, was forked, is deleted, or
// that messages left its context.
type ConversationChanged struct {
	Event
	Conversation *ent.Conversation
	Deleted      bool
}

// RunStateChanged says that a run stands elsewhere.
type RunStateChanged struct {
	Event
	Run *ent.Run
}

// State is where the run stood.
func (e RunStateChanged) State() enum.RunState { return e.Run.State }

// ApprovalRequested says that an agent asks people to allow a call.
type ApprovalRequested struct {
	Event
	Approval *ent.Approval
}

// ApprovalResolved says that a question was answered, has expired or was cancelled.
type ApprovalResolved struct {
	Event
	Approval *ent.Approval
}

// ToolCallStarted says that a tool call began.
type ToolCallStarted struct {
	Event
	ToolCall *ent.ToolCall
}

// ToolCallOutput says that a tool call put something out.
type ToolCallOutput struct {
	Event
	ToolCall *ent.ToolCall
	Text     string
	Stream   enum.OutputStream
}

// CommandStarted says that a command began.
type CommandStarted struct {
	Event
	Command *ent.Command
}

// CommandOutput says that a person's command printed something.
type CommandOutput struct {
	Event
	CommandID    string
	Stream       enum.OutputStream
	OutputOffset int64
	Text         string
}

// CommandFinished says that a command ended.
type CommandFinished struct {
	Event
	Command *ent.Command
}

// SandboxChanged says that a sandbox is in another state.
type SandboxChanged struct {
	Event
	Sandbox *ent.Sandbox
}

// ToolCallFinished says that a tool call ended.
type ToolCallFinished struct {
	Event
	ToolCall *ent.ToolCall
}

// FileChanged says that a file changed.
type FileChanged struct {
	Event
	Path     string
	Change   enum.FileChange
	Revision string
	Branch   string
}

// BranchChanged says that a branch was made, moved by a merge, or deleted.
type BranchChanged struct {
	Event
	Name   string
	Change enum.FileChange
	Tip    string
}

// MergeChanged says that a merge stands elsewhere.
type MergeChanged struct {
	Event
	Merge *ent.Merge
}

// FindingChanged says that a flaw was found, is fixed, or was decided upon.
type FindingChanged struct {
	Event
	Finding *ent.Finding
}

// PlanChanged says that a plan stands elsewhere.
type PlanChanged struct {
	Event
	Plan *ent.Plan
}

// TaskChanged says that a task is new, stands elsewhere, was changed or is gone.
type TaskChanged struct {
	Event
	Task    *ent.Task
	Deleted bool
}

// CheckpointRestored says that somebody went back to a checkpoint.
type CheckpointRestored struct {
	Event
	CheckpointID, UndoID string
	Branch               string
	Commit               *string
	ConversationID       *string
}

// UsageRecorded says that a call of a model was recorded.
type UsageRecorded struct {
	Event
	RunID    string
	RecordID string
	Usage    usage.Totals
}

// BudgetReached says that so much of a budget is spent, or that a call doesn't fit.
type BudgetReached struct {
	Event
	BudgetID             string
	Scope                enum.BudgetScope
	Period               enum.BudgetPeriod
	Level                int
	Paused               bool
	RunID                string
	Limit, Spent, Needed *int64 // nano-dollars
	Text                 string
}

// ConsoleOutput says what an app wrote to its console.
type ConsoleOutput struct {
	Event
	Entries []*ent.ConsoleEntry
	Cleared bool
}

// StreamReset says that events are missing before its cursor.
type StreamReset struct {
	Event
	Reason string
}

// QuestionAsked says that an agent asks the people of the project.
type QuestionAsked struct {
	Event
	Question *ent.Question
}

// QuestionAnswered says that a question is closed.
type QuestionAnswered struct {
	Event
	Question *ent.Question
}
