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

// RunStateChanged says that a run stands elsewhere.
type RunStateChanged struct {
	Event
	Run *ent.Run
}

// State is where the run stood.
func (e RunStateChanged) State() enum.RunState { return e.Run.State }

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

// StreamReset says that events are missing before its cursor.
type StreamReset struct {
	Event
	Reason string
}
