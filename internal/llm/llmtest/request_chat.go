package llmtest

import (
	"encoding/json"
	"fmt"

	"github.com/zeblit/zeblit/internal/llm"
)

func (q *Request) parseOpenAI() error {
	var in struct {
		Model               string
		MaxTokens           int `json:"max_tokens"`
		MaxCompletionTokens int `json:"max_completion_tokens"`
		Temperature         *float64
		Stream              bool
		ReasoningEffort     string `json:"reasoning_effort"`
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
	q.Effort = in.ReasoningEffort
	for _, t := range in.Tools {
		q.Tools = append(q.Tools, llm.Tool{Name: t.Function.Name, Description: t.Function.Description, InputSchema: t.Function.Parameters})
	}
	answering := false // tool messages, and a user's right after them, are one message of ours
	for i, m := range in.Messages {
		said := llm.Message{Role: llm.Role(m.Role)}
		if err := readContent(m.Content, &said); err != nil {
			return fmt.Errorf("messages.[%d].%w", i, err)
		}
		switch m.Role {
		case "system", "developer":
			q.System += said.Text
		case "tool":
			if !answering {
				q.Messages = append(q.Messages, llm.Message{Role: llm.RoleUser})
			}
			answering = true
			last := &q.Messages[len(q.Messages)-1]
			last.ToolResults = append(last.ToolResults, llm.ToolResult{CallID: m.ToolCallID, Text: said.Text})
			continue
		case "user":
			q.say(said, answering)
		case "assistant":
			for _, c := range m.ToolCalls {
				said.ToolCalls = append(said.ToolCalls, llm.ToolCall{ID: c.ID, Name: c.Function.Name, Input: json.RawMessage(c.Function.Arguments)})
			}
			q.Messages = append(q.Messages, said)
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

// say adds what the user says: to the tool results right before it, if there are any.
func (q *Request) say(said llm.Message, answering bool) {
	if answering {
		last := &q.Messages[len(q.Messages)-1]
		last.Text, last.Images = said.Text, said.Images
		return
	}
	q.Messages = append(q.Messages, said)
}
