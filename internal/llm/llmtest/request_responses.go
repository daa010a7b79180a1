package llmtest

import (
	"encoding/json"
	"fmt"

	"github.com/zeblit/zeblit/internal/llm"
)

// inputItem is one of the input of POST /v1/responses.
type inputItem struct {
	Type, Role, Name, Arguments, Output, ID string
	Content                                 json.RawMessage
	CallID                                  string           `json:"call_id"`
	Encrypted                               string           `json:"encrypted_content"`
	Summary                                 *json.RawMessage `json:"summary"`
}

func (q *Request) parseResponses() error {
	var in struct {
		Model, Instructions string
		MaxOutputTokens     int `json:"max_output_tokens"`
		Temperature         *float64
		Stream              bool
		Store               *bool
		Reasoning           struct{ Effort string }
		Tools               []struct {
			Type, Name, Description string
			Parameters              json.RawMessage
		}
		Input []inputItem
	}
	if err := json.Unmarshal(q.Body, &in); err != nil {
		return fmt.Errorf("the request body is not valid: %w", err)
	}
	q.Model, q.System, q.MaxTokens, q.Temperature = in.Model, in.Instructions, in.MaxOutputTokens, in.Temperature
	q.Effort = in.Reasoning.Effort
	for _, t := range in.Tools {
		q.Tools = append(q.Tools, llm.Tool{Name: t.Name, Description: t.Description, InputSchema: t.Parameters})
	}
	for i, item := range in.Input {
		alone := i+1 == len(in.Input) || in.Input[i+1].user()
		if err := q.take(item, alone); err != nil {
			return fmt.Errorf("input[%d]: %w", i, err)
		}
	}
	switch {
	case in.MaxOutputTokens != 0 && in.MaxOutputTokens < 16:
		return fmt.Errorf("integer below minimum value: max_output_tokens must be at least 16")
	case in.Store == nil || *in.Store:
		return fmt.Errorf("llmtest: store must be false")
	case !in.Stream:
		return fmt.Errorf("llmtest: stream must be true")
	}
	return nil
}

func (i inputItem) user() bool { return i.Role == "user" || i.Type == "function_call_output" }

// take adds an item to the messages. What the model said, thought and called one after
// the other is one message; alone says that the user's turn is next.
func (q *Request) take(i inputItem, alone bool) error {
	var last *llm.Message
	if n := len(q.Messages); n > 0 {
		last = &q.Messages[n-1]
	}
	switch {
	case i.Type == "function_call_output":
		if last == nil || last.Role != llm.RoleUser {
			q.Messages = append(q.Messages, llm.Message{Role: llm.RoleUser})
			last = &q.Messages[len(q.Messages)-1]
		}
		last.ToolResults = append(last.ToolResults, llm.ToolResult{CallID: i.CallID, Text: i.Output})
		return nil
	case i.user():
		said := llm.Message{Role: llm.RoleUser}
		if err := readContent(i.Content, &said); err != nil {
			return err
		}
		q.say(said, last != nil && last.Role == llm.RoleUser && last.Text == "" && len(last.ToolResults) > 0)
		return nil
	}
	if last == nil || last.Role != llm.RoleAssistant {
		q.Messages = append(q.Messages, llm.Message{Role: llm.RoleAssistant})
		last = &q.Messages[len(q.Messages)-1]
	}
	switch {
	case i.Type == "function_call":
		last.ToolCalls = append(last.ToolCalls, llm.ToolCall{ID: i.CallID, Name: i.Name, Input: json.RawMessage(i.Arguments)})
	case i.Type == "reasoning" && (i.Encrypted == "" || i.Summary == nil):
		return fmt.Errorf("item with id %q not found: items are not persisted when `store` is set to false", i.ID)
	case i.Type == "reasoning" && alone:
		return fmt.Errorf("item %q of type 'reasoning' was provided without its required following item", i.ID)
	case i.Type == "reasoning":
	case i.Role == "assistant":
		return readContent(i.Content, last)
	default:
		return fmt.Errorf("type %q is not understood here", i.Type)
	}
	return nil
}
