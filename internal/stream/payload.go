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
	Actor    *Actor        `json:"actor,omitempty"`
}

// FilePayload belongs to FILE_CHANGED. Revision is empty for a deleted file. Its
// actor stands in UserID and AgentID.
type FilePayload struct {
	V        int             `json:"v"`
	Path     string          `json:"path"`
	Change   enum.FileChange `json:"change"`
	Revision string          `json:"revision,omitempty"`
	UserID   string          `json:"user_id,omitempty"`
	AgentID  string          `json:"agent_id,omitempty"`
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

func (p MessagePayload) shorten() (short, bool) {
	if p.Message == nil {
		return short{}, false
	}
	return short{p.V, p.Message.ID, p.Actor}, true
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
