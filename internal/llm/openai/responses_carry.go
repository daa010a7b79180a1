package openai

import (
	"encoding/json"

	"github.com/zeblit/zeblit/internal/llm"
)

// responseCarry is the order of an answer's items, and the reasoning among them,
// which the vendor wants back as it was, and only for the model whose it is.
type responseCarry struct {
	Model string `json:"model"`
	Items []item `json:"items"`
}

// item is one of them. Texts and calls are in the message itself: here they are only
// counted.
type item struct {
	Kind      string   `json:"kind"` // text, call, reasoning
	Length    int      `json:"length,omitempty"`
	Phase     string   `json:"phase,omitempty"` // of a text, which the vendor wants back too
	ID        string   `json:"id,omitempty"`
	Encrypted string   `json:"encrypted,omitempty"`
	Summary   []string `json:"summary,omitempty"`
}

// pack is nil when there is nothing to carry.
func (c responseCarry) pack() json.RawMessage {
	for _, i := range c.Items {
		if i.Encrypted != "" || i.Phase != "" {
			raw, _ := json.Marshal(c)
			return raw
		}
	}
	return nil
}

// replay is an assistant's message as the model gave it. It is false when nothing was
// carried, another model's it is, or the message isn't what it was.
func replay(m llm.Message, model string) ([]inputItem, bool) {
	var c responseCarry
	if len(m.Carry) == 0 || json.Unmarshal(m.Carry, &c) != nil || c.Model != model {
		return nil, false
	}
	var out []inputItem
	text, calls := m.Text, m.ToolCalls
	for _, i := range c.Items {
		switch i.Kind {
		case "reasoning":
			out = append(out, reasoningItem(i))
		case "text":
			if i.Length < 0 || i.Length > len(text) {
				return nil, false
			}
			if i.Length > 0 {
				out = append(out, textItem(text[:i.Length], i.Phase))
			}
			text = text[i.Length:]
		case "call":
			if len(calls) == 0 {
				return nil, false
			}
			out = append(out, callItem(calls[0]))
			calls = calls[1:]
		}
	}
	return out, text == "" && len(calls) == 0
}

func reasoningItem(i item) inputItem {
	summaries := []summary{}
	for _, s := range i.Summary {
		summaries = append(summaries, summary{"summary_text", s})
	}
	return inputItem{Type: "reasoning", ID: i.ID, Encrypted: i.Encrypted, Summary: &summaries}
}
