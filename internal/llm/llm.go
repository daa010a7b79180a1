// Package llm is what the engine knows of language models: one streaming
// interface, typed errors, and the rule for trying again. Each vendor is a
// package of its own below (anthropic, openai, demo) so that its SDK stays there.
package llm

import (
	"context"
	"encoding/json"
)

// Provider makes model calls with one vendor's API.
type Provider interface {
	// Name is the vendor's short name ("anthropic", "openai", "demo").
	Name() string
	// DefaultModel is used when a request names none.
	DefaultModel() string
	// Stream makes one call, without retries of its own. onText is called from
	// one goroutine with each piece of text as it arrives, once; an error from it
	// ends the call and is returned as it is. A failed call returns an *Error (or
	// ctx's error). Either way the response's Text is all that onText was given; a
	// failed one has no more than that and the Usage that was counted by then.
	// docs/models.md lists what ends a call, and how.
	Stream(ctx context.Context, req Request, onText func(string) error) (Response, error)
}

// Checker is a Provider whose settings can be tried.
type Checker interface {
	// Check makes the cheapest call that shows whether the server is there and takes
	// the key. Its error is an *Error, with what the vendor says, or ctx's.
	Check(ctx context.Context) error
}

// Counter is a Provider whose vendor counts a request's tokens before it is sent.
type Counter interface {
	CountTokens(ctx context.Context, req Request) (int64, error)
}

// Request is one model call. The transcript must be valid: every tool call is
// answered by a result in the message after it.
type Request struct {
	Model           string // empty: the provider's default
	System          string
	Messages        []Message
	Tools           []Tool
	MaxOutputTokens int      // thinking included; 0: the provider's default
	Temperature     *float64 // nil: the vendor's default; not sent to a model that thinks and takes none
	Effort          Effort
}

// Effort is how much the model thinks before it speaks. A model that can't be told
// so works as it does without.
type Effort string

const (
	EffortDefault Effort = "" // the vendor's
	EffortMinimal Effort = "minimal"
	EffortLow     Effort = "low"
	EffortMedium  Effort = "medium"
	EffortHigh    Effort = "high"
)

// OneToken is the cheapest request there is, of the default model.
func OneToken() Request {
	return Request{Messages: []Message{{Role: RoleUser, Text: "Hi"}}, MaxOutputTokens: 1}
}

// Role says who speaks. Tool results travel in a user message.
type Role string

const (
	RoleUser      Role = "user"
	RoleAssistant Role = "assistant"
)

// Message is one turn. An assistant's may carry ToolCalls, a user's ToolResults and
// Images; Text may be empty when any is there.
type Message struct {
	Role        Role
	Text        string
	Images      []Image // before the text
	ToolCalls   []ToolCall
	ToolResults []ToolResult

	// Carry is the Response's, kept with an assistant's message and handed back
	// unread. Without it (or with another vendor's) the call works as well, but the
	// model has lost what it was thinking between its tool calls.
	Carry json.RawMessage
}

// Image is a picture for the model to look at. MediaType is image/png, image/jpeg,
// image/gif or image/webp, which all vendors take.
type Image struct {
	MediaType string
	Data      []byte
}

// ToolCall is the model's wish to have a tool run. ID is the vendor's, or any
// string that is unique in the transcript.
type ToolCall struct {
	ID    string
	Name  string
	Input json.RawMessage // a JSON object
}

// ToolResult answers the ToolCall of that ID.
type ToolResult struct {
	CallID  string
	Text    string
	IsError bool
}

// Tool is what the model is told of a tool; InputSchema is a JSON Schema object.
type Tool struct {
	Name        string
	Description string
	InputSchema json.RawMessage
}

// StopReason says why the model stopped.
type StopReason string

const (
	StopEnd       StopReason = "end"        // it was done
	StopToolCalls StopReason = "tool_calls" // it wants tools to run
	StopLength    StopReason = "length"     // the output limit cut it
	StopRefusal   StopReason = "refusal"    // the vendor's policy ended it
)

// Response is a finished call.
type Response struct {
	Model      string // the model that answered, in the vendor's words
	Text       string
	ToolCalls  []ToolCall
	StopReason StopReason
	Usage      Usage
	Carry      json.RawMessage // what the vendor wants back with this turn; often empty
}

// Usage counts tokens as the vendor bills them. InputTokens excludes the cached.
type Usage struct {
	InputTokens      int64
	OutputTokens     int64 // reasoning included
	CacheReadTokens  int64
	CacheWriteTokens int64
	ReasoningTokens  int64
}
