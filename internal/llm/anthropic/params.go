package anthropic

import (
	"encoding/base64"
	"encoding/json"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/packages/param"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/wire"
)

// params is the request in the SDK's terms.
func params(req llm.Request) anthropic.MessageNewParams {
	p := anthropic.MessageNewParams{Model: req.Model, MaxTokens: int64(req.MaxOutputTokens)}
	if p.MaxTokens <= 0 {
		p.MaxTokens = DefaultMaxTokens
	}
	think(&p, req)
	if req.Temperature != nil && takesTemperature(p, req.Model) {
		p.Temperature = param.NewOpt(*req.Temperature)
	}
	if req.System != "" {
		p.System = []anthropic.TextBlockParam{{Text: req.System, CacheControl: anthropic.NewCacheControlEphemeralParam()}}
	}
	for _, t := range req.Tools {
		tool := anthropic.ToolParam{Name: t.Name, InputSchema: schema(t.InputSchema)}
		if t.Description != "" {
			tool.Description = param.NewOpt(t.Description)
		}
		p.Tools = append(p.Tools, anthropic.ToolUnionParam{OfTool: &tool})
	}
	for _, m := range req.Messages {
		if blocks := content(m, req.Model); len(blocks) > 0 {
			p.Messages = append(p.Messages, anthropic.MessageParam{Role: anthropic.MessageParamRole(m.Role), Content: blocks})
		}
	}
	if n := len(p.Messages); n > 0 {
		blocks := p.Messages[n-1].Content
		if mark := blocks[len(blocks)-1].GetCacheControl(); mark != nil {
			*mark = anthropic.NewCacheControlEphemeralParam()
		}
	}
	return p
}

// schema passes the tool's JSON Schema on as it is.
func schema(raw json.RawMessage) anthropic.ToolInputSchemaParam {
	if len(raw) == 0 {
		return anthropic.ToolInputSchemaParam{}
	}
	return param.Override[anthropic.ToolInputSchemaParam](raw)
}

// content is a message's blocks. The vendor refuses empty texts: there are none.
func content(m llm.Message, model string) []anthropic.ContentBlockParamUnion {
	var out []anthropic.ContentBlockParamUnion
	for _, r := range m.ToolResults {
		result := anthropic.ToolResultBlockParam{ToolUseID: wire.Plain(r.CallID)}
		if r.Text != "" {
			result.Content = []anthropic.ToolResultBlockParamContentUnion{{OfText: &anthropic.TextBlockParam{Text: r.Text}}}
		}
		if r.IsError {
			result.IsError = param.NewOpt(true)
		}
		out = append(out, anthropic.ContentBlockParamUnion{OfToolResult: &result})
	}
	if carried, ok := replay(m, model); ok {
		return append(out, carried...)
	}
	for _, i := range m.Images {
		out = append(out, anthropic.NewImageBlockBase64(i.MediaType, base64.StdEncoding.EncodeToString(i.Data)))
	}
	if m.Text != "" {
		out = append(out, anthropic.NewTextBlock(m.Text))
	}
	for _, c := range m.ToolCalls {
		out = append(out, toolUse(c))
	}
	return out
}

func toolUse(c llm.ToolCall) anthropic.ContentBlockParamUnion {
	input := c.Input
	if len(input) == 0 {
		input = json.RawMessage("{}")
	}
	return anthropic.NewToolUseBlock(wire.Plain(c.ID), input, c.Name)
}
