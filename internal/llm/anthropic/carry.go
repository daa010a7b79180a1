package anthropic

import (
	"encoding/json"

	"github.com/anthropics/anthropic-sdk-go"

	"github.com/zeblit/zeblit/internal/llm"
)

// carry is the order of an answer's blocks, and the thinking among them, which the
// vendor wants back unchanged, and only for the model that thought it.
type carry struct {
	Model  string    `json:"model"`
	Blocks []carried `json:"blocks"`
}

// carried is one block. Texts and tool calls are in the message itself: here they
// are only counted.
type carried struct {
	Kind      string `json:"kind"` // text, tool, thinking, redacted
	Length    int    `json:"length,omitempty"`
	Thinking  string `json:"thinking,omitempty"`
	Signature string `json:"signature,omitempty"`
	Data      string `json:"data,omitempty"`
}

// pack is nil when there is no thinking to carry.
func (c carry) pack() json.RawMessage {
	for _, b := range c.Blocks {
		if b.Kind == "thinking" || b.Kind == "redacted" {
			raw, _ := json.Marshal(c)
			return raw
		}
	}
	return nil
}

// replay is an assistant's message as the model gave it. It is false when nothing
// was carried, another model thought it, or the message isn't what it was.
func replay(m llm.Message, model string) ([]anthropic.ContentBlockParamUnion, bool) {
	var c carry
	if m.Role != llm.RoleAssistant || len(m.Carry) == 0 || json.Unmarshal(m.Carry, &c) != nil || c.Model != model {
		return nil, false
	}
	var out []anthropic.ContentBlockParamUnion
	text, calls := m.Text, m.ToolCalls
	for _, b := range c.Blocks {
		if b.Length < 0 || b.Length > len(text) || b.Kind == "tool" && len(calls) == 0 {
			return nil, false
		}
		part := text[:b.Length]
		text = text[b.Length:]
		switch b.Kind {
		case "thinking": // part is how it was shown
			out = append(out, anthropic.NewThinkingBlock(b.Signature, b.Thinking))
		case "redacted":
			out = append(out, anthropic.NewRedactedThinkingBlock(b.Data))
		case "text":
			if part != "" {
				out = append(out, anthropic.NewTextBlock(part))
			}
		case "tool":
			out = append(out, toolUse(calls[0]))
			calls = calls[1:]
		}
	}
	return out, text == "" && len(calls) == 0
}
