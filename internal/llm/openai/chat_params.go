package openai

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/shared"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/wire"
)

// chatParams is the request in the SDK's terms.
func (p *Provider) chatParams(req llm.Request) openai.ChatCompletionNewParams {
	out := openai.ChatCompletionNewParams{
		Model:         req.Model,
		StreamOptions: openai.ChatCompletionStreamOptionsParam{IncludeUsage: param.NewOpt(true)},
	}
	if req.MaxOutputTokens > 0 {
		limit := param.NewOpt(int64(req.MaxOutputTokens))
		if p.official {
			out.MaxCompletionTokens = limit
		} else {
			out.MaxTokens = limit // the name that every compatible server knows
		}
	}
	if req.Temperature != nil && p.takesTemperature(req) {
		out.Temperature = param.NewOpt(*req.Temperature)
	}
	out.ReasoningEffort = p.effort(req)
	if p.official && len(req.Tools) > 0 && toolsWithoutReasoning(req.Model) {
		out.ReasoningEffort = shared.ReasoningEffortNone
	}
	for _, t := range req.Tools {
		f := shared.FunctionDefinitionParam{Name: t.Name}
		if t.Description != "" {
			f.Description = param.NewOpt(t.Description)
		}
		if len(t.InputSchema) > 0 {
			// A schema that is no object is left out; the vendor then takes any input.
			_ = json.Unmarshal(t.InputSchema, &f.Parameters)
		}
		out.Tools = append(out.Tools, openai.ChatCompletionFunctionTool(f))
	}
	if req.System != "" {
		out.Messages = append(out.Messages, openai.SystemMessage(req.System))
	}
	for _, m := range req.Messages {
		out.Messages = append(out.Messages, p.messages(m, req.Model)...)
	}
	return out
}

// messages is one of ours as the vendor has it: each tool result is its own message.
func (p *Provider) messages(m llm.Message, model string) []openai.ChatCompletionMessageParamUnion {
	if m.Role == llm.RoleUser {
		return p.userMessages(m)
	}
	var assistant openai.ChatCompletionAssistantMessageParam
	if m.Text != "" {
		assistant.Content.OfString = param.NewOpt(m.Text)
	} else if len(m.ToolCalls) == 0 {
		return nil
	}
	for _, c := range m.ToolCalls {
		assistant.ToolCalls = append(assistant.ToolCalls, openai.ChatCompletionMessageToolCallUnionParam{
			OfFunction: &openai.ChatCompletionMessageFunctionToolCallParam{
				ID:       p.id(c.ID),
				Function: openai.ChatCompletionMessageFunctionToolCallFunctionParam{Name: c.Name, Arguments: arguments(c)},
			},
		})
	}
	returned(m, model, &assistant)
	return []openai.ChatCompletionMessageParamUnion{{OfAssistant: &assistant}}
}

func (p *Provider) userMessages(m llm.Message) []openai.ChatCompletionMessageParamUnion {
	var out []openai.ChatCompletionMessageParamUnion
	for _, r := range m.ToolResults {
		out = append(out, openai.ToolMessage(resultText(r), p.id(r.CallID)))
	}
	if len(m.Images) == 0 {
		if m.Text != "" {
			out = append(out, openai.UserMessage(m.Text))
		}
		return out
	}
	var parts []openai.ChatCompletionContentPartUnionParam
	for _, i := range m.Images {
		parts = append(parts, openai.ImageContentPart(openai.ChatCompletionContentPartImageImageURLParam{URL: dataURL(i)}))
	}
	if m.Text != "" {
		parts = append(parts, openai.TextContentPart(m.Text))
	}
	return append(out, openai.UserMessage(parts))
}

// id is a tool call's as the server takes it. Compatible ones get their own back,
// which some give a meaning.
func (p *Provider) id(id string) string {
	if p.official {
		return wire.Plain(id)
	}
	return id
}

// resultText is a tool's answer. There is no field for whether it failed.
func resultText(r llm.ToolResult) string {
	if r.IsError && !strings.HasPrefix(strings.ToLower(r.Text), "error") {
		return "Error: " + r.Text
	}
	return r.Text
}

func arguments(c llm.ToolCall) string { return cmp.Or(string(c.Input), "{}") }

func dataURL(i llm.Image) string {
	return "data:" + i.MediaType + ";base64," + base64.StdEncoding.EncodeToString(i.Data)
}
