package stream

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
)

// maxPayload bounds an event's payload in bytes of JSON, so that a page of the
// log and a subscriber's buffer have a size that is known.
const maxPayload = 60 << 10

// Actor is who caused an event: a person, or an agent that works for them.
type Actor struct {
	UserID  string `json:"user_id,omitempty"`
	AgentID string `json:"agent_id,omitempty"`
}

// Each payload holds a snapshot of its entity as it was when the event was
// appended. Where that would be over 60 KiB the log keeps ID alone, the entity is
// nil, and the reader loads the row as it is now.

// MessagePayload belongs to MESSAGE_ADDED and MESSAGE_COMPLETED.
type MessagePayload struct {
	V       int          `json:"v"`
	ID      string       `json:"id,omitempty"`
	Message *ent.Message `json:"message,omitempty"`
	Actor   *Actor       `json:"actor,omitempty"`
}

// ConversationPayload belongs to CONVERSATION_CHANGED. Conversation is as it was then;
// Deleted says that it is gone.
type ConversationPayload struct {
	V            int               `json:"v"`
	ID           string            `json:"id,omitempty"`
	Conversation *ent.Conversation `json:"conversation,omitempty"`
	Deleted      bool              `json:"deleted,omitempty"`
	Actor        *Actor            `json:"actor,omitempty"`
}

// DeltaPayload belongs to MESSAGE_DELTA: Text comes at Offset of the message's
// text, in UTF-16 units.
type DeltaPayload struct {
	V         int    `json:"v"`
	MessageID string `json:"message_id"`
	Offset    int    `json:"offset"`
	Text      string `json:"text"`
	Actor     *Actor `json:"actor,omitempty"`
}

// RunPayload belongs to RUN_STATE_CHANGED.
type RunPayload struct {
	V     int      `json:"v"`
	ID    string   `json:"id,omitempty"`
	Run   *ent.Run `json:"run,omitempty"`
	Actor *Actor   `json:"actor,omitempty"`
}

// ToolCallPayload belongs to TOOL_CALL_STARTED, TOOL_CALL_OUTPUT and
// TOOL_CALL_FINISHED.
type ToolCallPayload struct {
	V        int           `json:"v"`
	ID       string        `json:"id,omitempty"`
	ToolCall *ent.ToolCall `json:"tool_call,omitempty"`
	Text     string        `json:"text,omitempty"`
	// Stream is which output Text came from; empty when the tool has only one.
	Stream enum.OutputStream `json:"stream,omitempty"`
	Actor  *Actor            `json:"actor,omitempty"`
}

// CommandPayload belongs to COMMAND_STARTED and COMMAND_FINISHED.
type CommandPayload struct {
	V       int          `json:"v"`
	ID      string       `json:"id,omitempty"`
	Command *ent.Command `json:"command,omitempty"`
	Actor   *Actor       `json:"actor,omitempty"`
}

// OutputPayload belongs to COMMAND_OUTPUT. Offset is bytes of all output before Text.
type OutputPayload struct {
	V         int               `json:"v"`
	CommandID string            `json:"command_id"`
	Stream    enum.OutputStream `json:"stream"`
	Offset    int64             `json:"offset"`
	Text      string            `json:"text"`
	Actor     *Actor            `json:"actor,omitempty"`
}

// SandboxPayload belongs to SANDBOX_CHANGED.
type SandboxPayload struct {
	V       int          `json:"v"`
	ID      string       `json:"id,omitempty"`
	Sandbox *ent.Sandbox `json:"sandbox,omitempty"`
	Actor   *Actor       `json:"actor,omitempty"`
}

// FilePayload belongs to FILE_CHANGED. Revision is empty for a deleted file. Its
// actor stands in UserID and AgentID.
type FilePayload struct {
	V        int             `json:"v"`
	Path     string          `json:"path"`
	Change   enum.FileChange `json:"change"`
	Revision string          `json:"revision,omitempty"`
	Branch   string          `json:"branch,omitempty"` // "" is main
	UserID   string          `json:"user_id,omitempty"`
	AgentID  string          `json:"agent_id,omitempty"`
}

// BranchPayload belongs to BRANCH_CHANGED. Tip is empty for a deleted branch.
type BranchPayload struct {
	V      int             `json:"v"`
	Name   string          `json:"name"`
	Change enum.FileChange `json:"change"`
	Tip    string          `json:"tip,omitempty"`
	Actor  *Actor          `json:"actor,omitempty"`
}

// QuestionPayload belongs to QUESTION_ASKED and QUESTION_ANSWERED.
type QuestionPayload struct {
	V        int           `json:"v"`
	ID       string        `json:"id,omitempty"`
	Question *ent.Question `json:"question,omitempty"`
	Actor    *Actor        `json:"actor,omitempty"`
}

// MergePayload belongs to MERGE_CHANGED.
type MergePayload struct {
	V     int        `json:"v"`
	ID    string     `json:"id,omitempty"`
	Merge *ent.Merge `json:"merge,omitempty"`
	Actor *Actor     `json:"actor,omitempty"`
}

// FindingPayload belongs to FINDING_CHANGED.
type FindingPayload struct {
	V       int          `json:"v"`
	ID      string       `json:"id,omitempty"`
	Finding *ent.Finding `json:"finding,omitempty"`
	Actor   *Actor       `json:"actor,omitempty"`
}

// PlanPayload belongs to PLAN_CHANGED.
type PlanPayload struct {
	V     int       `json:"v"`
	ID    string    `json:"id,omitempty"`
	Plan  *ent.Plan `json:"plan,omitempty"`
	Actor *Actor    `json:"actor,omitempty"`
}

// TaskPayload belongs to TASK_CHANGED. Task is the task as it was then; Deleted says that
// it is gone.
type TaskPayload struct {
	V       int       `json:"v"`
	ID      string    `json:"id,omitempty"`
	Task    *ent.Task `json:"task,omitempty"`
	Deleted bool      `json:"deleted,omitempty"`
	Actor   *Actor    `json:"actor,omitempty"`
}

// RestorePayload belongs to CHECKPOINT_RESTORED. Commit is empty where no file changed,
// ConversationID where the conversation did not go back.
type RestorePayload struct {
	V              int    `json:"v"`
	CheckpointID   string `json:"checkpoint_id"`
	UndoID         string `json:"undo_id"`
	Branch         string `json:"branch"`
	Commit         string `json:"commit,omitempty"`
	ConversationID string `json:"conversation_id,omitempty"`
	Actor          *Actor `json:"actor,omitempty"`
}

// ApprovalPayload belongs to APPROVAL_REQUESTED and APPROVAL_RESOLVED.
type ApprovalPayload struct {
	V        int           `json:"v"`
	ID       string        `json:"id,omitempty"`
	Approval *ent.Approval `json:"approval,omitempty"`
	Actor    *Actor        `json:"actor,omitempty"`
}

// ProjectPayload belongs to PROJECT_UPDATED.
type ProjectPayload struct {
	V       int          `json:"v"`
	ID      string       `json:"id,omitempty"`
	Project *ent.Project `json:"project,omitempty"`
	Actor   *Actor       `json:"actor,omitempty"`
}

// ResetPayload belongs to STREAM_RESET, which is in no log: the hub makes it.
type ResetPayload struct {
	V      int    `json:"v"`
	Reason string `json:"reason"`
}

// ActorOf is who caused e; the zero Actor when nobody is recorded.
func ActorOf(e Event) (Actor, error) {
	var p struct {
		Actor
		Nested *Actor `json:"actor"`
	}
	if err := json.Unmarshal(e.Payload, &p); err != nil {
		return Actor{}, fmt.Errorf("payload of event %d: %w", e.Seq, err)
	}
	if p.Nested != nil {
		return *p.Nested, nil
	}
	return p.Actor, nil
}

// short is a payload that tells no more than which entity it is about.
type short struct {
	V     int    `json:"v"`
	ID    string `json:"id"`
	Actor *Actor `json:"actor,omitempty"`
}

type shortener interface{ shorten() (short, bool) }

func (p PlanPayload) shorten() (short, bool) {
	if p.Plan == nil {
		return short{}, false
	}
	return short{p.V, p.Plan.ID, p.Actor}, true
}

func (p TaskPayload) shorten() (short, bool) {
	if p.Task == nil {
		return short{}, false
	}
	return short{p.V, p.Task.ID, p.Actor}, true
}

func (p MessagePayload) shorten() (short, bool) {
	if p.Message == nil {
		return short{}, false
	}
	return short{p.V, p.Message.ID, p.Actor}, true
}

func (p ConversationPayload) shorten() (short, bool) {
	if p.Conversation == nil {
		return short{}, false
	}
	return short{p.V, p.Conversation.ID, p.Actor}, true
}

func (p RunPayload) shorten() (short, bool) {
	if p.Run == nil {
		return short{}, false
	}
	return short{p.V, p.Run.ID, p.Actor}, true
}

func (p ToolCallPayload) shorten() (short, bool) {
	if p.ToolCall == nil {
		return short{}, false
	}
	return short{p.V, p.ToolCall.ID, p.Actor}, true
}

func (p CommandPayload) shorten() (short, bool) {
	if p.Command == nil {
		return short{}, false
	}
	return short{p.V, p.Command.ID, p.Actor}, true
}

func (p SandboxPayload) shorten() (short, bool) {
	if p.Sandbox == nil {
		return short{}, false
	}
	return short{p.V, p.Sandbox.ID, p.Actor}, true
}

func (p MergePayload) shorten() (short, bool) {
	if p.Merge == nil {
		return short{}, false
	}
	return short{p.V, p.Merge.ID, p.Actor}, true
}

func (p QuestionPayload) shorten() (short, bool) {
	if p.Question == nil {
		return short{}, false
	}
	return short{p.V, p.Question.ID, p.Actor}, true
}

func (p ApprovalPayload) shorten() (short, bool) {
	if p.Approval == nil {
		return short{}, false
	}
	return short{p.V, p.Approval.ID, p.Actor}, true
}

func (p FindingPayload) shorten() (short, bool) {
	if p.Finding == nil {
		return short{}, false
	}
	return short{p.V, p.Finding.ID, p.Actor}, true
}

func (p ProjectPayload) shorten() (short, bool) {
	if p.Project == nil {
		return short{}, false
	}
	return short{p.V, p.Project.ID, p.Actor}, true
}

// encode writes a payload as the log keeps it.
func encode(payload any) (json.RawMessage, error) {
	raw, err := compactJSON(payload)
	if err != nil || len(raw) <= maxPayload {
		return raw, err
	}
	if s, ok := payload.(shortener); ok {
		if id, ok := s.shorten(); ok {
			return compactJSON(id)
		}
	}
	return nil, fmt.Errorf("a payload of %d bytes, %d are allowed", len(raw), maxPayload)
}

// compactJSON leaves <, > and & as they are: code is full of them.
func compactJSON(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
