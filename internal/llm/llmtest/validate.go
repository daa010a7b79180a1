package llmtest

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/zeblit/zeblit/internal/llm"
)

// validate holds a transcript to what all vendors demand, and to what the Provider
// contract promises them: roles alternate, and every tool call has its result in the
// message right after it. The errors are worded like the vendors'.
func (q *Request) validate() error {
	if q.Model == "" {
		return fmt.Errorf("model: you must provide a model parameter")
	}
	if err := validTools(q.Tools); err != nil {
		return err
	}
	if len(q.Messages) == 0 {
		return fmt.Errorf("messages: at least one message is required")
	}
	seen := map[string]bool{}
	var open []string // ids of the calls that the next message must answer
	for i, m := range q.Messages {
		want := llm.RoleUser
		if i%2 == 1 {
			want = llm.RoleAssistant
		}
		if m.Role != want {
			return fmt.Errorf("messages.%d: roles must alternate between \"user\" and \"assistant\", and the first must be \"user\"; found %q", i, m.Role)
		}
		if m.Text == "" && len(m.ToolCalls) == 0 && len(m.ToolResults) == 0 && len(m.Images) == 0 {
			return fmt.Errorf("messages.%d: all messages must have non-empty content", i)
		}
		if err := q.answered(i, m, open); err != nil {
			return err
		}
		open = open[:0]
		for _, c := range m.ToolCalls {
			if err := validCall(c, seen); err != nil {
				return fmt.Errorf("messages.%d: %w", i, err)
			}
			open = append(open, c.ID)
		}
	}
	if len(open) > 0 {
		return q.unanswered(len(q.Messages)-1, open)
	}
	if q.Messages[len(q.Messages)-1].Role != llm.RoleUser {
		return fmt.Errorf("messages: the last message must be the user's")
	}
	return nil
}

func validTools(tools []llm.Tool) error {
	named := map[string]bool{}
	for i, t := range tools {
		if !validName(t.Name) {
			return fmt.Errorf("tools.%d.name: %q should match '^[a-zA-Z0-9_-]{1,64}$'", i, t.Name)
		}
		if named[t.Name] {
			return fmt.Errorf("tools: tool names must be unique: %q", t.Name)
		}
		named[t.Name] = true
		var schema struct{ Type string }
		if err := json.Unmarshal(t.InputSchema, &schema); err != nil || schema.Type != "object" {
			return fmt.Errorf("tools.%d.input_schema.type: should be 'object'", i)
		}
	}
	return nil
}

func validName(s string) bool {
	return s != "" && len(s) <= 64 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == ""
}

func validCall(c llm.ToolCall, seen map[string]bool) error {
	if c.ID == "" || seen[c.ID] {
		return fmt.Errorf("`tool_use` ids must be unique: %q", c.ID)
	}
	seen[c.ID] = true
	if !validName(c.Name) {
		return fmt.Errorf("tool name %q should match '^[a-zA-Z0-9_-]{1,64}$'", c.Name)
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(c.Input, &object); err != nil || object == nil {
		return fmt.Errorf("input of %s should be a valid dictionary", c.Name)
	}
	return nil
}

// answered checks that message i answers exactly the open calls.
func (q *Request) answered(i int, m llm.Message, open []string) error {
	left := map[string]bool{}
	for _, id := range open {
		left[id] = true
	}
	for _, r := range m.ToolResults {
		if !left[r.CallID] {
			switch q.Vendor {
			case OpenAIResponses:
				return fmt.Errorf("no tool call found for function call output with call_id %s", r.CallID)
			case OpenAI:
				return fmt.Errorf("messages.[%d]: messages with role 'tool' must be a response to a preceding message with 'tool_calls': %s", i, r.CallID)
			}
			return fmt.Errorf("messages.%d: unexpected `tool_use_id` found in `tool_result` blocks: %s. Each `tool_result` block must have a corresponding `tool_use` block in the previous message", i, r.CallID)
		}
		delete(left, r.CallID)
	}
	if len(left) == 0 {
		return nil
	}
	var missing []string
	for _, id := range open {
		if left[id] {
			missing = append(missing, id)
		}
	}
	return q.unanswered(i-1, missing)
}

func (q *Request) unanswered(i int, ids []string) error {
	list := strings.Join(ids, ", ")
	switch q.Vendor {
	case OpenAIResponses:
		return fmt.Errorf("no tool output found for function call %s", list)
	case OpenAI:
		return fmt.Errorf("an assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: %s", list)
	}
	return fmt.Errorf("messages.%d: `tool_use` ids were found without `tool_result` blocks immediately after: %s. Each `tool_use` block must have a corresponding `tool_result` block in the next message", i, list)
}
