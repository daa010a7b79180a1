package openai

import (
	"crypto/rand"
	"encoding/json"
	"slices"
	"strings"

	"github.com/openai/openai-go/v3"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/wire"
)

// answer builds the response from the chunks of its stream.
type answer struct {
	call     *wire.Call
	onText   func(string) error
	response llm.Response

	text    strings.Builder
	refused bool
	calls   toolCalls
	reason  string // finish_reason, once it came
}

func (a *answer) take(chunk openai.ChatCompletionChunk) error {
	if chunk.Model != "" {
		a.response.Model = chunk.Model
	}
	if chunk.JSON.Usage.Valid() {
		a.count(chunk.Usage)
	}
	for _, choice := range chunk.Choices {
		if choice.Index != 0 {
			continue
		}
		a.call.Event()
		if choice.FinishReason != "" {
			a.reason = choice.FinishReason
			a.call.Closing()
		}
		if err := a.say(choice.Delta.Content); err != nil {
			return err
		}
		if choice.Delta.Refusal != "" {
			a.refused = true
			if err := a.say(choice.Delta.Refusal); err != nil {
				return err
			}
		}
		for _, d := range choice.Delta.ToolCalls {
			a.calls.add(d)
		}
	}
	return nil
}

func (a *answer) say(s string) error {
	if s == "" {
		return nil
	}
	a.text.WriteString(s)
	return a.onText(s)
}

// count sorts the vendor's totals: its prompt tokens include the cached.
func (a *answer) count(u openai.CompletionUsage) {
	read, write := u.PromptTokensDetails.CachedTokens, u.PromptTokensDetails.CacheWriteTokens
	a.response.Usage = llm.Usage{
		InputTokens:      max(u.PromptTokens-read-write, 0),
		OutputTokens:     u.CompletionTokens,
		CacheReadTokens:  read,
		CacheWriteTokens: write,
		ReasoningTokens:  u.CompletionTokensDetails.ReasoningTokens,
	}
}

// finished reports whether the model said that it was done.
func (a *answer) finished() bool { return a.reason != "" }

// finish is the whole answer.
func (a *answer) finish() (llm.Response, error) {
	r := a.response
	r.Text = a.text.String()
	var broken string
	r.ToolCalls, broken = wire.WholeCalls(a.calls.list())
	switch {
	case a.reason == "length":
		r.StopReason = llm.StopLength
		return r, nil // its last call may be cut in two, and isn't listed then
	case a.reason == "content_filter" || a.refused:
		r.StopReason = llm.StopRefusal
		return r, nil
	case len(r.ToolCalls) > 0: // some servers say "stop" here
		r.StopReason = llm.StopToolCalls
	default:
		r.StopReason = llm.StopEnd
	}
	if broken != "" {
		return a.partial(), a.call.Garbled("the arguments of a call of %s are not a JSON object", broken)
	}
	return r, nil
}

// partial is what there is of an answer that failed.
func (a *answer) partial() llm.Response {
	return llm.Response{Model: a.response.Model, Text: a.text.String(), Usage: a.response.Usage}
}

// toolCalls gathers calls from deltas. OpenAI numbers them by index and names id and
// tool once; other servers repeat the index for whole calls, or leave out the ids.
type toolCalls struct {
	taken map[string]bool // ids that are in use in the transcript
	parts []*part
}

type part struct {
	index     int64
	id, name  string
	arguments strings.Builder
}

func (t *toolCalls) add(d openai.ChatCompletionChunkChoiceDeltaToolCall) {
	p := t.find(d)
	if p == nil {
		p = &part{index: d.Index}
		t.parts = append(t.parts, p)
	}
	if p.id == "" {
		p.id = d.ID
	}
	if p.name == "" {
		p.name = d.Function.Name
	}
	p.arguments.WriteString(d.Function.Arguments)
}

// find is the call that a delta continues; nil when it begins another.
func (t *toolCalls) find(d openai.ChatCompletionChunkChoiceDeltaToolCall) *part {
	for _, p := range slices.Backward(t.parts) {
		if p.index != d.Index {
			continue
		}
		another := d.ID != "" && p.id != "" && d.ID != p.id ||
			d.Function.Name != "" && p.name != "" && wire.IsObject([]byte(p.arguments.String()))
		if another {
			return nil
		}
		return p
	}
	return nil
}

// list is the calls, each with an id that the transcript has not seen.
func (t *toolCalls) list() []llm.ToolCall {
	var out []llm.ToolCall
	for _, p := range t.parts {
		if p.id == "" || t.taken[p.id] {
			p.id = "call_" + rand.Text()
		}
		t.taken[p.id] = true
		arguments := p.arguments.String()
		if strings.TrimSpace(arguments) == "" {
			arguments = "{}"
		}
		out = append(out, llm.ToolCall{ID: p.id, Name: p.name, Input: json.RawMessage(arguments)})
	}
	return out
}
