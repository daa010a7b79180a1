package openai

import (
	"encoding/json"

	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/responses"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/wire"
)

// responseParams is the request in the SDK's terms. Nothing is left at the vendor:
// what its model thought comes encrypted, and goes back with its turn.
func (p *Provider) responseParams(req llm.Request) responses.ResponseNewParams {
	out := responses.ResponseNewParams{Model: req.Model, Store: param.NewOpt(false)}
	if !unreasoning(req.Model) {
		out.Include = []responses.ResponseIncludable{responses.ResponseIncludableReasoningEncryptedContent}
	}
	out.Reasoning.Effort = p.effort(req)
	if req.MaxOutputTokens > 0 {
		out.MaxOutputTokens = param.NewOpt(int64(max(req.MaxOutputTokens, leastOutput)))
	}
	if req.Temperature != nil && p.takesTemperature(req) {
		out.Temperature = param.NewOpt(*req.Temperature)
	}
	if req.System != "" {
		out.Instructions = param.NewOpt(req.System)
	}
	for _, t := range req.Tools {
		f := responses.FunctionToolParam{Name: t.Name, Strict: param.NewOpt(false)}
		if t.Description != "" {
			f.Description = param.NewOpt(t.Description)
		}
		if len(t.InputSchema) > 0 {
			// A schema that is no object is left out; the vendor then takes any input.
			_ = json.Unmarshal(t.InputSchema, &f.Parameters)
		}
		out.Tools = append(out.Tools, responses.ToolUnionParam{OfFunction: &f})
	}
	out.Input.OfInputItemList = responses.ResponseInputParam{}
	for _, m := range req.Messages {
		out.Input.OfInputItemList = append(out.Input.OfInputItemList, items(m, req.Model)...)
	}
	return out
}

// leastOutput is the smallest limit that the vendor takes.
const leastOutput = 16

// items is a message as the vendor has it: a list of what was said, thought, called
// and answered.
func items(m llm.Message, model string) []responses.ResponseInputItemUnionParam {
	var out []responses.ResponseInputItemUnionParam
	if m.Role == llm.RoleUser {
		for _, r := range m.ToolResults {
			item := responses.ResponseInputItemParamOfFunctionCallOutput(resultText(r))
			item.OfFunctionCallOutput.CallID = param.NewOpt(wire.Plain(r.CallID))
			out = append(out, item)
		}
		var content responses.ResponseInputMessageContentListParam
		for _, i := range m.Images {
			image := responses.ResponseInputContentParamOfInputImage(responses.ResponseInputImageDetailAuto)
			image.OfInputImage.ImageURL = param.NewOpt(dataURL(i))
			content = append(content, image)
		}
		if m.Text != "" {
			content = append(content, responses.ResponseInputContentParamOfInputText(m.Text))
		}
		if len(content) > 0 {
			out = append(out, responses.ResponseInputItemParamOfMessage(content, responses.EasyInputMessageRoleUser))
		}
		return out
	}
	if thought, ok := replay(m, model); ok {
		return thought
	}
	if m.Text != "" {
		out = append(out, saidItem(m.Text, ""))
	}
	for _, c := range m.ToolCalls {
		out = append(out, callItem(c))
	}
	return out
}

func saidItem(text, phase string) responses.ResponseInputItemUnionParam {
	item := responses.ResponseInputItemParamOfMessage(text, responses.EasyInputMessageRoleAssistant)
	item.OfMessage.Phase = responses.EasyInputMessagePhase(phase)
	return item
}

func callItem(c llm.ToolCall) responses.ResponseInputItemUnionParam {
	return responses.ResponseInputItemParamOfFunctionCall(arguments(c), wire.Plain(c.ID), c.Name)
}
