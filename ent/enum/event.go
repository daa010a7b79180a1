package enum

import "io"

// EventType names what happened in a project, as the GraphQL type of the event.
type EventType string

const (
	EventProjectUpdated      EventType = "PROJECT_UPDATED"
	EventMessageAdded        EventType = "MESSAGE_ADDED"
	EventMessageDelta        EventType = "MESSAGE_DELTA"
	EventMessageCompleted    EventType = "MESSAGE_COMPLETED"
	EventConversationChanged EventType = "CONVERSATION_CHANGED"
	EventRunStateChanged     EventType = "RUN_STATE_CHANGED"
	EventToolCallStarted     EventType = "TOOL_CALL_STARTED"
	EventToolCallOutput      EventType = "TOOL_CALL_OUTPUT"
	EventToolCallFinished    EventType = "TOOL_CALL_FINISHED"
	EventFileChanged         EventType = "FILE_CHANGED"
	EventBranchChanged       EventType = "BRANCH_CHANGED"
	EventMergeChanged        EventType = "MERGE_CHANGED"
	EventPlanChanged         EventType = "PLAN_CHANGED"
	EventTaskChanged         EventType = "TASK_CHANGED"
	EventCheckpointRestored  EventType = "CHECKPOINT_RESTORED"
	EventCommandStarted      EventType = "COMMAND_STARTED"
	EventCommandOutput       EventType = "COMMAND_OUTPUT"
	EventCommandFinished     EventType = "COMMAND_FINISHED"
	EventSandboxChanged      EventType = "SANDBOX_CHANGED"
	EventQuestionAsked       EventType = "QUESTION_ASKED"
	EventQuestionAnswered    EventType = "QUESTION_ANSWERED"
	EventUsageRecorded       EventType = "USAGE_RECORDED"
	EventBudgetReached       EventType = "BUDGET_REACHED"
	EventConsoleOutput       EventType = "CONSOLE_OUTPUT"
	EventApprovalRequested   EventType = "APPROVAL_REQUESTED"
	EventApprovalResolved    EventType = "APPROVAL_RESOLVED"
	EventFindingChanged      EventType = "FINDING_CHANGED"
	EventStreamReset         EventType = "STREAM_RESET"
)

var allEventType = []EventType{
	EventProjectUpdated, EventMessageAdded, EventMessageDelta, EventMessageCompleted, EventConversationChanged, EventRunStateChanged,
	EventToolCallStarted, EventToolCallOutput, EventToolCallFinished,
	EventFileChanged, EventBranchChanged, EventMergeChanged, EventPlanChanged, EventTaskChanged, EventCheckpointRestored,
	EventCommandStarted, EventCommandOutput, EventCommandFinished, EventSandboxChanged,
	EventQuestionAsked, EventQuestionAnswered,
	EventUsageRecorded, EventBudgetReached, EventConsoleOutput, EventFindingChanged,
	EventApprovalRequested, EventApprovalResolved, EventStreamReset,
}

// Values lists every EventType.
func (EventType) Values() []string { return values(allEventType) }

// MarshalGQL writes it as a GraphQL enum value.
func (v EventType) MarshalGQL(w io.Writer) { write(w, string(v)) }

// UnmarshalGQL takes only values of the set.
func (v *EventType) UnmarshalGQL(in any) error { return read(v, in, allEventType) }

// FileChange is what happened to a path.
type FileChange string

const (
	FileCreated  FileChange = "CREATED"
	FileModified FileChange = "MODIFIED"
	FileDeleted  FileChange = "DELETED"
)

var allFileChange = []FileChange{FileCreated, FileModified, FileDeleted}

// Values lists every FileChange.
func (FileChange) Values() []string { return values(allFileChange) }

// MarshalGQL writes it as a GraphQL enum value.
func (v FileChange) MarshalGQL(w io.Writer) { write(w, string(v)) }

// UnmarshalGQL takes only values of the set.
func (v *FileChange) UnmarshalGQL(in any) error { return read(v, in, allFileChange) }
