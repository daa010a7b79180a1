package openai

import (
	"encoding/json"

	"github.com/openai/openai-go/v3/shared"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/wire"
)

// responseRequest is the body of POST /responses, as far as it is used. The SDK's type
// links that of every tool there is, 4 MB of them.
type responseRequest struct {
	Model           string         `json:"model"`
	Stream          bool           `json:"stream"`
	Store           bool           `json:"store"`
	Include         []string       `json:"include,omitempty"`
	Reasoning       *reasoning     `json:"reasoning,omitempty"`
	MaxOutputTokens int            `json:"max_output_tokens,omitempty"`
	Temperature     *float64       `json:"temperature,omitempty"`
	Instructions    string         `json:"instructions,omitempty"`
	Tools           []functionTool `json:"tools,omitempty"`
	Input           []inputItem    `json:"input"`
}

type reasoning struct {
	Effort shared.ReasoningEffort `json:"effort"`
}

type functionTool struct {
	Type        string          `json:"type"`
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Parameters  json.RawMessage `json:"parameters,omitempty"`
	Strict      bool            `json:"strict"`
}

// inputItem is what was said, thought, called or answered.
type inputItem struct {
	Type      string     `json:"type"`
	Role      llm.Role   `json:"role,omitempty"`    // of a message
	Content   any        `json:"content,omitempty"` // a string, or []contentPart
	Phase     string     `json:"phase,omitempty"`
	CallID    string     `json:"call_id,omitempty"` // of a call, and of its output
	Name      string     `json:"name,omitempty"`
	Arguments string     `json:"arguments,omitempty"`
	Output    *string    `json:"output,omitempty"`
	ID        string     `json:"id,omitempty"` // of reasoning
	Encrypted string     `json:"encrypted_content,omitempty"`
	Summary   *[]summary `json:"summary,omitempty"` // required there, though often empty
}

type contentPart struct {
	Type     string `json:"type"`
	Text     string `json:"text,omitempty"`
	ImageURL string `json:"image_url,omitempty"`
	Detail   string `json:"detail,omitempty"`
}

type summary struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// leastOutput is the smallest limit that the vendor takes.
const leastOutput = 16

// responseRequest is the request in the vendor's terms. Nothing is left there: what its
// model thought comes encrypted, and goes back with its turn.
func (p *Provider) responseRequest(req llm.Request) responseRequest {
	out := responseRequest{Model: req.Model, Stream: true, Instructions: req.System, Input: []inputItem{}}
	if !unreasoning(req.Model) {
		out.Include = []string{"reasoning.encrypted_content"}
	}
	if effort := p.effort(req); effort != "" {
		out.Reasoning = &reasoning{effort}
	}
	if req.MaxOutputTokens > 0 {
		out.MaxOutputTokens = max(req.MaxOutputTokens, leastOutput)
	}
	if p.takesTemperature(req) {
		out.Temperature = req.Temperature
	}
	for _, t := range req.Tools {
		tool := functionTool{Type: "function", Name: t.Name, Description: t.Description}
		if wire.IsObject(t.InputSchema) { // else it is left out; the vendor then takes any input
			tool.Parameters = t.InputSchema
		}
		out.Tools = append(out.Tools, tool)
	}
	for _, m := range req.Messages {
		if m.Role == llm.RoleUser {
			out.Input = append(out.Input, heard(m)...)
		} else {
			out.Input = append(out.Input, said(m, req.Model)...)
		}
	}
	return out
}

// heard is a user's message: the outputs of calls, then images and text.
func heard(m llm.Message) []inputItem {
	var out []inputItem
	for _, r := range m.ToolResults {
		text := resultText(r)
		out = append(out, inputItem{Type: "function_call_output", CallID: wire.Plain(r.CallID), Output: &text})
	}
	var content []contentPart
	for _, i := range m.Images {
		content = append(content, contentPart{Type: "input_image", ImageURL: dataURL(i), Detail: "auto"})
	}
	if m.Text != "" {
		content = append(content, contentPart{Type: "input_text", Text: m.Text})
	}
	if len(content) > 0 {
		out = append(out, inputItem{Type: "message", Role: llm.RoleUser, Content: content})
	}
	return out
}

// said is an assistant's message: as it was given where that is known, else its text,
// then its calls.
func said(m llm.Message, model string) []inputItem {
	if whole, ok := replay(m, model); ok {
		return whole
	}
	var out []inputItem
	if m.Text != "" {
		out = append(out, textItem(m.Text, ""))
	}
	for _, c := range m.ToolCalls {
		out = append(out, callItem(c))
	}
	return out
}

func textItem(text, phase string) inputItem {
	return inputItem{Type: "message", Role: llm.RoleAssistant, Content: text, Phase: phase}
}

func callItem(c llm.ToolCall) inputItem {
	return inputItem{Type: "function_call", CallID: wire.Plain(c.ID), Name: c.Name, Arguments: arguments(c)}
}
