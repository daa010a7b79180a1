package openai

import (
	"encoding/json"
	"strings"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/shared"

	"github.com/zeblit/zeblit/internal/llm"
)

// params is the request in the SDK's terms.
func (p *Provider) params(req llm.Request) openai.ChatCompletionNewParams {
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
	if req.Temperature != nil {
		out.Temperature = param.NewOpt(*req.Temperature)
	}
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
		out.Messages = append(out.Messages, messages(m)...)
	}
	return out
}

// toolsWithoutReasoning reports whether OpenAI takes function tools for the model, in
// chat completions, only with its reasoning switched off.
func toolsWithoutReasoning(model string) bool {
	for _, family := range []string{"gpt-5.4", "gpt-5.5", "gpt-5.6", "gpt-6-sol", "gpt-6-luna", "gpt-6.1-terra"} {
		if strings.HasPrefix(model, family) {
			return true
		}
	}
	return false
}

// messages is one of ours as the vendor has it: each tool result is its own message.
func messages(m llm.Message) []openai.ChatCompletionMessageParamUnion {
	var out []openai.ChatCompletionMessageParamUnion
	if m.Role == llm.RoleUser {
		for _, r := range m.ToolResults {
			text := r.Text
			if r.IsError && !strings.HasPrefix(strings.ToLower(text), "error") {
				text = "Error: " + text // there is no field for it
			}
			out = append(out, openai.ToolMessage(text, r.CallID))
		}
		if m.Text != "" {
			out = append(out, openai.UserMessage(m.Text))
		}
		return out
	}
	var assistant openai.ChatCompletionAssistantMessageParam
	if m.Text != "" {
		assistant.Content.OfString = param.NewOpt(m.Text)
	} else if len(m.ToolCalls) == 0 {
		return nil
	}
	for _, c := range m.ToolCalls {
		arguments := string(c.Input)
		if arguments == "" {
			arguments = "{}"
		}
		assistant.ToolCalls = append(assistant.ToolCalls, openai.ChatCompletionMessageToolCallUnionParam{
			OfFunction: &openai.ChatCompletionMessageFunctionToolCallParam{
				ID:       c.ID,
				Function: openai.ChatCompletionMessageFunctionToolCallFunctionParam{Name: c.Name, Arguments: arguments},
			},
		})
	}
	return append(out, openai.ChatCompletionMessageParamUnion{OfAssistant: &assistant})
}

// usedIDs are the ids of the transcript's tool calls.
func usedIDs(messages []llm.Message) map[string]bool {
	used := map[string]bool{}
	for _, m := range messages {
		for _, c := range m.ToolCalls {
			used[c.ID] = true
		}
	}
	return used
}
