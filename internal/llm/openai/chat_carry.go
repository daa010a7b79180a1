package openai

import (
	"encoding/json"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/respjson"

	"github.com/zeblit/zeblit/internal/llm"
)

// Fields that OpenAI doesn't have, but others want back as they sent them: Google signs
// what its models thought before a call, DeepSeek and Moonshot send it in clear.
const (
	extraField     = "extra_content"
	reasoningField = "reasoning_content"
)

// chatCarry is what a compatible server wants back with the tool calls of its model.
type chatCarry struct {
	Model     string            `json:"model"`
	Reasoning string            `json:"reasoning,omitempty"`
	Extra     []json.RawMessage `json:"extra,omitempty"` // one a call; null where there was none
}

// pack is nil when there is nothing to carry: without calls, nothing is wanted back.
func (c chatCarry) pack() json.RawMessage {
	some := c.Reasoning != "" && len(c.Extra) > 0
	for i, e := range c.Extra {
		some = some || e != nil
		if e == nil {
			c.Extra[i] = json.RawMessage("null")
		}
	}
	if !some {
		return nil
	}
	raw, _ := json.Marshal(c)
	return raw
}

// returned puts into a message what was carried for it, if the same model gets it.
func returned(m llm.Message, model string, to *openai.ChatCompletionAssistantMessageParam) {
	var c chatCarry
	if len(m.Carry) == 0 || json.Unmarshal(m.Carry, &c) != nil || c.Model != model || len(c.Extra) != len(m.ToolCalls) {
		return
	}
	if c.Reasoning != "" {
		to.SetExtraFields(map[string]any{reasoningField: c.Reasoning})
	}
	for i, e := range c.Extra {
		if string(e) != "null" {
			to.ToolCalls[i].OfFunction.SetExtraFields(map[string]any{extraField: e})
		}
	}
}

// extra reads a field that the SDK doesn't know; zero when it isn't there, or is else.
func extra[T any](fields map[string]respjson.Field, name string) T {
	var value, none T
	field, ok := fields[name]
	if !ok || field.Raw() == "null" || json.Unmarshal([]byte(field.Raw()), &value) != nil {
		return none
	}
	return value
}
