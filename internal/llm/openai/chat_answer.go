package openai

import (
	"strings"

	"github.com/openai/openai-go/v3"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/wire"
)

// chatAnswer builds the response from the chunks of its stream.
type chatAnswer struct {
	call     *wire.Call
	model    string // that was asked for
	onText   func(string) error
	response llm.Response

	text      strings.Builder
	reasoning strings.Builder
	refused   bool
	calls     toolCalls
	reason    string // finish_reason, once it came
}

func (a *chatAnswer) take(chunk openai.ChatCompletionChunk) error {
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
		a.reasoning.WriteString(extra[string](choice.Delta.JSON.ExtraFields, reasoningField))
		for _, d := range choice.Delta.ToolCalls {
			a.calls.add(d)
		}
	}
	return nil
}

func (a *chatAnswer) say(s string) error {
	if s == "" {
		return nil
	}
	a.text.WriteString(s)
	return a.onText(s)
}

// count sorts the vendor's totals: its prompt tokens include the cached.
func (a *chatAnswer) count(u openai.CompletionUsage) {
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
func (a *chatAnswer) finished() bool { return a.reason != "" }

// finish is the whole answer.
func (a *chatAnswer) finish() (llm.Response, error) {
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
	r.Carry = chatCarry{Model: a.model, Reasoning: a.reasoning.String(), Extra: a.calls.extra()}.pack()
	return r, nil
}

// partial is what there is of an answer that failed.
func (a *chatAnswer) partial() llm.Response {
	return llm.Response{Model: a.response.Model, Text: a.text.String(), Usage: a.response.Usage}
}
