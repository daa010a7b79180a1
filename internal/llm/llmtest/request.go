package llmtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/zeblit/zeblit/internal/llm"
)

// Vendor is whose API a request came in by.
type Vendor string

const (
	Anthropic Vendor = "anthropic"
	OpenAI    Vendor = "openai"
)

// Request is a request as the server understood it, whatever the vendor.
type Request struct {
	N           int // 1 is the server's first
	Vendor      Vendor
	Key         string // the credentials it came with
	Model       string
	System      string
	Messages    []llm.Message
	Tools       []llm.Tool
	MaxTokens   int
	Temperature *float64
	Header      http.Header
	Body        []byte
	Refused     string // why the server refused it; empty when it didn't
}

// LastText is the text of the last message of the user that has any: what is asked for.
func (q Request) LastText() string {
	for i := len(q.Messages) - 1; i >= 0; i-- {
		if m := q.Messages[i]; m.Role == llm.RoleUser && m.Text != "" {
			return m.Text
		}
	}
	return ""
}

// Results are the tool results that the last message brings.
func (q Request) Results() []llm.ToolResult {
	if len(q.Messages) == 0 {
		return nil
	}
	return q.Messages[len(q.Messages)-1].ToolResults
}

// Turn is how many answers the model has given in this conversation.
func (q Request) Turn() int {
	n := 0
	for _, m := range q.Messages {
		if m.Role == llm.RoleAssistant {
			n++
		}
	}
	return n
}

func parse(vendor Vendor, h http.Header, body []byte) (Request, error) {
	q := Request{Vendor: vendor, Header: h.Clone(), Body: body, Key: h.Get("X-Api-Key")}
	if bearer, ok := strings.CutPrefix(h.Get("Authorization"), "Bearer "); ok {
		q.Key = bearer
	}
	if vendor == Anthropic {
		return q, q.parseAnthropic()
	}
	return q, q.parseOpenAI()
}

// textOf reads content that is a string, or a list of blocks of type "text".
func textOf(raw json.RawMessage) (string, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return "", nil
	}
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s, nil
	}
	var blocks []struct{ Type, Text string }
	if err := json.Unmarshal(raw, &blocks); err != nil {
		return "", fmt.Errorf("content: %w", err)
	}
	var b strings.Builder
	for _, block := range blocks {
		if block.Type != "text" {
			return "", fmt.Errorf("content: block type %q is not understood here", block.Type)
		}
		b.WriteString(block.Text)
	}
	return b.String(), nil
}

func (q *Request) parseAnthropic() error {
	var in struct {
		Model       string
		MaxTokens   int `json:"max_tokens"`
		Temperature *float64
		System      json.RawMessage
		Stream      bool
		Tools       []struct {
			Name, Description string
			InputSchema       json.RawMessage `json:"input_schema"`
		}
		Messages []struct {
			Role    llm.Role
			Content json.RawMessage
		}
	}
	if err := json.Unmarshal(q.Body, &in); err != nil {
		return fmt.Errorf("the request body is not valid: %w", err)
	}
	q.Model, q.MaxTokens, q.Temperature = in.Model, in.MaxTokens, in.Temperature
	var err error
	if q.System, err = textOf(in.System); err != nil {
		return fmt.Errorf("system: %w", err)
	}
	for _, t := range in.Tools {
		q.Tools = append(q.Tools, llm.Tool{Name: t.Name, Description: t.Description, InputSchema: t.InputSchema})
	}
	for i, m := range in.Messages {
		out := llm.Message{Role: m.Role}
		if err := readBlocks(m.Content, &out); err != nil {
			return fmt.Errorf("messages.%d.%w", i, err)
		}
		q.Messages = append(q.Messages, out)
	}
	switch {
	case in.MaxTokens < 1:
		return fmt.Errorf("max_tokens: Field required")
	case !in.Stream:
		return fmt.Errorf("llmtest: stream must be true")
	}
	return nil
}

// readBlocks reads the content of one of Anthropic's messages.
func readBlocks(content json.RawMessage, out *llm.Message) error {
	if json.Unmarshal(content, &out.Text) == nil {
		return nil
	}
	var blocks []struct {
		Type, Text, ID, Name, Thinking, Signature, Data string
		Input                                           json.RawMessage
		ToolUseID                                       string `json:"tool_use_id"`
		Content                                         json.RawMessage
		IsError                                         bool `json:"is_error"`
	}
	if err := json.Unmarshal(content, &blocks); err != nil {
		return fmt.Errorf("content: %w", err)
	}
	if len(blocks) == 0 {
		return fmt.Errorf("content: all messages must have non-empty content")
	}
	for i, b := range blocks {
		switch b.Type {
		case "text":
			if b.Text == "" {
				return fmt.Errorf("content.%d: text content blocks must be non-empty", i)
			}
			out.Text += b.Text
		case "thinking":
			if b.Signature == "" {
				return fmt.Errorf("content.%d.thinking.signature: Field required", i)
			}
		case "redacted_thinking":
		case "tool_use":
			out.ToolCalls = append(out.ToolCalls, llm.ToolCall{ID: b.ID, Name: b.Name, Input: b.Input})
		case "tool_result":
			if out.Text != "" {
				return fmt.Errorf("content.%d: tool_result blocks must come before text", i)
			}
			text, err := textOf(b.Content)
			if err != nil {
				return fmt.Errorf("content.%d.%w", i, err)
			}
			out.ToolResults = append(out.ToolResults, llm.ToolResult{CallID: b.ToolUseID, Text: text, IsError: b.IsError})
		default:
			return fmt.Errorf("content.%d: block type %q is not understood here", i, b.Type)
		}
	}
	return nil
}

func (q *Request) parseOpenAI() error {
	var in struct {
		Model               string
		MaxTokens           int `json:"max_tokens"`
		MaxCompletionTokens int `json:"max_completion_tokens"`
		Temperature         *float64
		Stream              bool
		Tools               []struct {
			Function struct {
				Name, Description string
				Parameters        json.RawMessage
			}
		}
		Messages []struct {
			Role       string
			Content    json.RawMessage
			ToolCallID string `json:"tool_call_id"`
			ToolCalls  []struct {
				ID       string
				Function struct{ Name, Arguments string }
			} `json:"tool_calls"`
		}
	}
	if err := json.Unmarshal(q.Body, &in); err != nil {
		return fmt.Errorf("the request body is not valid: %w", err)
	}
	q.Model, q.MaxTokens, q.Temperature = in.Model, max(in.MaxTokens, in.MaxCompletionTokens), in.Temperature
	for _, t := range in.Tools {
		q.Tools = append(q.Tools, llm.Tool{Name: t.Function.Name, Description: t.Function.Description, InputSchema: t.Function.Parameters})
	}
	answering := false // tool messages, and a user's right after them, are one message of ours
	for i, m := range in.Messages {
		text, err := textOf(m.Content)
		if err != nil {
			return fmt.Errorf("messages.[%d].%w", i, err)
		}
		switch m.Role {
		case "system", "developer":
			q.System += text
		case "tool":
			if !answering {
				q.Messages = append(q.Messages, llm.Message{Role: llm.RoleUser})
			}
			answering = true
			last := &q.Messages[len(q.Messages)-1]
			last.ToolResults = append(last.ToolResults, llm.ToolResult{CallID: m.ToolCallID, Text: text})
			continue
		case "user":
			if answering {
				q.Messages[len(q.Messages)-1].Text = text
				break
			}
			q.Messages = append(q.Messages, llm.Message{Role: llm.RoleUser, Text: text})
		case "assistant":
			out := llm.Message{Role: llm.RoleAssistant, Text: text}
			for _, c := range m.ToolCalls {
				out.ToolCalls = append(out.ToolCalls, llm.ToolCall{ID: c.ID, Name: c.Function.Name, Input: json.RawMessage(c.Function.Arguments)})
			}
			q.Messages = append(q.Messages, out)
		default:
			return fmt.Errorf("messages.[%d]: role %q is not understood here", i, m.Role)
		}
		answering = false
	}
	if !in.Stream {
		return fmt.Errorf("llmtest: stream must be true")
	}
	return nil
}
