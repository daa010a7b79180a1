package anthropic

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/anthropics/anthropic-sdk-go"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/wire"
)

// answer builds the response from the events of its stream.
type answer struct {
	call     *wire.Call
	request  llm.Request
	onText   func(string) error
	response llm.Response

	text   strings.Builder
	gap    bool // the next text needs a paragraph of its own
	blocks []carried
	input  strings.Builder // of the tool call being read
	stop   anthropic.StopReason
}

// take reads one event; done says that it was the last.
func (a *answer) take(event anthropic.MessageStreamEventUnion) (done bool, err error) {
	switch event.Type {
	case "message_start":
		a.response.Model = event.Message.Model
		u := event.Message.Usage
		a.response.Usage = llm.Usage{
			InputTokens: u.InputTokens, OutputTokens: u.OutputTokens,
			CacheReadTokens: u.CacheReadInputTokens, CacheWriteTokens: u.CacheCreationInputTokens,
		}
	case "content_block_start":
		return false, a.begin(event.ContentBlock)
	case "content_block_delta":
		return false, a.add(event.Delta)
	case "content_block_stop":
		return false, a.end()
	case "message_delta":
		a.stop = event.Delta.StopReason
		a.count(event.Usage)
	case "message_stop":
		return true, a.finish()
	}
	return false, nil
}

// last is the block being read.
func (a *answer) last() *carried {
	if len(a.blocks) == 0 {
		return &carried{}
	}
	return &a.blocks[len(a.blocks)-1]
}

func (a *answer) begin(block anthropic.ContentBlockStartEventContentBlockUnion) error {
	switch block.Type {
	case "text":
		a.gap = a.gap || a.last().Kind == "thinking" && a.showing()
		a.blocks = append(a.blocks, carried{Kind: "text"})
		return a.say(block.Text)
	case "thinking":
		a.gap = a.gap || a.showing()
		a.blocks = append(a.blocks, carried{Kind: "thinking", Signature: block.Signature})
		return a.think(block.Thinking)
	case "redacted_thinking":
		a.blocks = append(a.blocks, carried{Kind: "redacted", Data: block.Data})
	case "tool_use":
		a.blocks = append(a.blocks, carried{Kind: "tool"})
		a.input.Reset()
		a.response.ToolCalls = append(a.response.ToolCalls, llm.ToolCall{ID: block.ID, Name: block.Name})
	default: // a vendor's own tool; none is ever asked for
		a.blocks = append(a.blocks, carried{Kind: "text"})
	}
	return nil
}

func (a *answer) add(delta anthropic.MessageStreamEventUnionDelta) error {
	switch delta.Type {
	case "text_delta":
		return a.say(delta.Text)
	case "thinking_delta":
		return a.think(delta.Thinking)
	case "signature_delta":
		a.last().Signature += delta.Signature
	case "input_json_delta":
		a.input.WriteString(delta.PartialJSON)
	}
	return nil
}

// showing reports whether thinking is meant for the user.
func (a *answer) showing() bool {
	return showsProgress(a.request.Model) && len(a.request.Tools) > 0
}

func (a *answer) think(s string) error {
	a.last().Thinking += s
	if !a.showing() || s == "" {
		return nil
	}
	return a.say(s)
}

// say hands text on. Blocks that follow shown thinking are parted by an empty line.
func (a *answer) say(s string) error {
	if s == "" {
		return nil
	}
	if a.gap && a.text.Len() > 0 && !strings.HasSuffix(a.text.String(), "\n") {
		s = "\n\n" + s
	}
	a.gap = false
	a.last().Length += len(s)
	a.text.WriteString(s)
	return a.onText(s)
}

// end closes a block: a tool call's input is whole.
func (a *answer) end() error {
	if a.last().Kind != "tool" {
		return nil
	}
	input := a.input.String()
	if input == "" {
		input = "{}"
	}
	a.response.ToolCalls[len(a.response.ToolCalls)-1].Input = json.RawMessage(input)
	return nil
}

func (a *answer) count(u anthropic.MessageDeltaUsage) { // cumulative; what is absent stays
	set := func(to *int64, from int64) {
		if from > 0 {
			*to = from
		}
	}
	set(&a.response.Usage.InputTokens, u.InputTokens)
	set(&a.response.Usage.OutputTokens, u.OutputTokens)
	set(&a.response.Usage.CacheReadTokens, u.CacheReadInputTokens)
	set(&a.response.Usage.CacheWriteTokens, u.CacheCreationInputTokens)
	set(&a.response.Usage.ReasoningTokens, u.OutputTokensDetails.ThinkingTokens)
}

func (a *answer) finish() error {
	a.response.Text = a.text.String()
	switch a.stop {
	case anthropic.StopReasonMaxTokens, anthropic.StopReasonModelContextWindowExceeded:
		a.response.StopReason = llm.StopLength
	case anthropic.StopReasonRefusal:
		a.response.StopReason = llm.StopRefusal
	default:
		a.response.StopReason = llm.StopEnd
		if len(a.response.ToolCalls) > 0 {
			a.response.StopReason = llm.StopToolCalls
		}
	}
	var broken string
	a.response.ToolCalls, broken = wire.WholeCalls(a.response.ToolCalls)
	if broken != "" {
		if a.response.StopReason != llm.StopLength {
			return a.call.Unreadable("the input of a call of %s is not a JSON object", broken)
		}
		return nil // the limit cut a call in two: what is left can't be replayed in place
	}
	a.response.Carry = carry{Model: a.request.Model, Blocks: a.blocks}.pack()
	return nil
}

// failed is an error of the SDK or its stream in our terms.
func (p *Provider) failed(call *wire.Call, err error) error {
	if e, ok := errors.AsType[*anthropic.Error](err); ok { // an error event
		return wire.ReadRefusal(0, nil, []byte(e.RawJSON())).Error(p.secrets...)
	}
	if _, ok := errors.AsType[*json.SyntaxError](err); ok {
		return call.Unreadable("an event of the stream is not JSON: %s", err)
	}
	return call.Failed(err)
}
