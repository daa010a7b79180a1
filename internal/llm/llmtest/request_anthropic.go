package llmtest

import (
	"encoding/json"
	"fmt"

	"github.com/zeblit/zeblit/internal/llm"
)

func (q *Request) parseAnthropic() error {
	var in struct {
		Model       string
		MaxTokens   int `json:"max_tokens"`
		Temperature *float64
		System      json.RawMessage
		Stream      bool
		Thinking    struct {
			Type         string
			BudgetTokens int `json:"budget_tokens"`
		}
		OutputConfig struct{ Effort string } `json:"output_config"`
		Tools        []struct {
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
	q.Model, q.MaxTokens, q.Temperature, q.Effort = in.Model, in.MaxTokens, in.Temperature, in.OutputConfig.Effort
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
	case in.Thinking.Type == "enabled" && in.Thinking.BudgetTokens < 1024:
		return fmt.Errorf("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
	case in.Thinking.BudgetTokens >= in.MaxTokens:
		return fmt.Errorf("`max_tokens` must be greater than `thinking.budget_tokens`")
	case (in.Thinking.Type == "enabled" || in.Thinking.Type == "adaptive") && in.Temperature != nil:
		return fmt.Errorf("`temperature` may only be set to 1 when thinking is enabled")
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
		part
		ID, Name, Thinking, Signature string
		Input                         json.RawMessage
		ToolUseID                     string `json:"tool_use_id"`
		Content                       json.RawMessage
		IsError                       bool `json:"is_error"`
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
		case "image":
			image, err := b.image()
			if err != nil {
				return fmt.Errorf("content.%d.image: %w", i, err)
			}
			out.Images = append(out.Images, image)
		case "thinking":
			if b.Signature == "" {
				return fmt.Errorf("content.%d.thinking.signature: Field required", i)
			}
		case "redacted_thinking":
		case "tool_use":
			out.ToolCalls = append(out.ToolCalls, llm.ToolCall{ID: b.ID, Name: b.Name, Input: b.Input})
		case "tool_result":
			if out.Text != "" || len(out.Images) > 0 {
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
