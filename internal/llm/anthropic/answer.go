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
	ids      *wire.IDs
	onText   func(string) error
	response llm.Response

	text   strings.Builder
	gap    bool // the next text needs a paragraph of its own
	blocks []carried
	input  strings.Builder // of the tool call being read
	stop   anthropic.StopReason
	over   bool // message_stop came
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
		err = a.begin(event.ContentBlock)
	case "content_block_delta":
		err = a.add(event.Delta)
	case "content_block_stop":
		a.end()
	case "message_delta":
		a.stop = event.Delta.StopReason
		a.count(event.Usage)
		a.call.Closing()
	case "message_stop":
		a.over = true
	default: // one that is not known yet, and no part of the answer
		return false, nil
	}
	a.call.Event()
	return a.over, err
}

// finished reports whether the model said that it was done.
func (a *answer) finished() bool { return a.over || a.stop != "" }

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
		a.response.ToolCalls = append(a.response.ToolCalls, llm.ToolCall{ID: a.ids.Take(block.ID), Name: block.Name})
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
	return showsProgress(a.request)
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
func (a *answer) end() {
	if a.last().Kind != "tool" {
		return
	}
	input := a.input.String()
	if input == "" {
		input = "{}"
	}
	a.response.ToolCalls[len(a.response.ToolCalls)-1].Input = json.RawMessage(input)
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

// finish is the whole answer.
func (a *answer) finish() (llm.Response, error) {
	r := a.response
	r.Text = a.text.String()
	switch a.stop {
	case anthropic.StopReasonMaxTokens, anthropic.StopReasonModelContextWindowExceeded:
		r.StopReason = llm.StopLength
	case anthropic.StopReasonRefusal:
		r.StopReason = llm.StopRefusal
	default:
		r.StopReason = llm.StopEnd
		if len(r.ToolCalls) > 0 {
			r.StopReason = llm.StopToolCalls
		}
	}
	var broken string
	r.ToolCalls, broken = wire.WholeCalls(r.ToolCalls)
	if broken != "" {
		if r.StopReason == llm.StopLength {
			return r, nil // the limit cut a call in two: what is left can't be replayed in place
		}
		return a.partial(), a.call.Garbled("the input of a call of %s is not a JSON object", broken)
	}
	r.Carry = carry{Model: a.request.Model, Blocks: a.blocks}.pack()
	return r, nil
}

// partial is what there is of an answer that failed.
func (a *answer) partial() llm.Response {
	return llm.Response{Model: a.response.Model, Text: a.text.String(), Usage: a.response.Usage}
}

// failed is an error of the SDK or its stream in our terms.
func failed(call *wire.Call, err error) error {
	if e, ok := errors.AsType[*anthropic.Error](err); ok { // an error event
		return call.Refused(wire.ReadRefusal(0, nil, []byte(e.RawJSON())))
	}
	return call.Failed(err)
}
