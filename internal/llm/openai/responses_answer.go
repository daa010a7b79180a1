package openai

import (
	"encoding/json"
	"strings"

	"github.com/openai/openai-go/v3/responses"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/wire"
)

// responseAnswer builds the response from the events of its stream.
type responseAnswer struct {
	call     *wire.Call
	model    string // that was asked for
	ids      *wire.IDs
	onText   func(string) error
	response llm.Response

	text    strings.Builder
	gap     bool // the next text needs a paragraph of its own
	refused bool
	items   []item
	calls   map[int64]*responseCall // by the index of their item
	order   []*responseCall
	reason  string // of the end, once it came
}

type responseCall struct {
	id, name  string
	arguments strings.Builder
}

// The ends of a response; failed ones are errors.
const (
	completed  = "completed"
	incomplete = "incomplete"
)

func (a *responseAnswer) take(event responses.ResponseStreamEventUnion) error {
	if strings.HasPrefix(event.Type, "response.") {
		a.call.Event()
	}
	switch event.Type {
	case "response.created":
		a.response.Model = event.Response.Model
	case "response.output_item.added":
		a.begin(event.OutputIndex, event.Item)
	case "response.output_text.delta":
		return a.say(event.Delta)
	case "response.refusal.delta":
		a.refused = true
		return a.say(event.Delta)
	case "response.function_call_arguments.delta":
		if c := a.calls[event.OutputIndex]; c != nil {
			c.arguments.WriteString(event.Delta)
		}
	case "response.output_item.done":
		a.end(event.OutputIndex, event.Item)
	case "response.completed":
		a.close(completed, event.Response)
	case "response.incomplete":
		a.close(event.Response.IncompleteDetails.Reason, event.Response)
	case "response.failed":
		a.count(event.Response.Usage)
		e := event.Response.Error
		return a.call.Refused(wire.Refusal{Type: e.Type, Code: string(e.Code), Message: e.Message})
	case "error":
		return a.call.Refused(wire.ReadRefusal(0, nil, []byte(event.RawJSON())))
	}
	return nil
}

func (a *responseAnswer) begin(index int64, i responses.ResponseOutputItemUnion) {
	switch i.Type {
	case "message":
		a.gap = a.text.Len() > 0
		a.items = append(a.items, item{Kind: "text", Phase: string(i.Phase)})
	case "function_call":
		c := &responseCall{id: i.CallID, name: i.Name}
		c.arguments.WriteString(i.Arguments.OfString)
		a.calls[index] = c
		a.order = append(a.order, c)
		a.items = append(a.items, item{Kind: "call"})
	}
}

// end is an item as it came to be.
func (a *responseAnswer) end(index int64, i responses.ResponseOutputItemUnion) {
	switch c := a.calls[index]; {
	case i.Type == "function_call" && c != nil && c.arguments.Len() == 0:
		c.arguments.WriteString(i.Arguments.OfString)
	case i.Type == "reasoning" && i.EncryptedContent != "":
		reasoning := item{Kind: "reasoning", ID: i.ID, Encrypted: i.EncryptedContent}
		for _, s := range i.Summary {
			reasoning.Summary = append(reasoning.Summary, s.Text)
		}
		a.items = append(a.items, reasoning)
	}
}

// say hands text on. Messages of one answer are parted by an empty line.
func (a *responseAnswer) say(s string) error {
	if s == "" {
		return nil
	}
	if a.gap && !strings.HasSuffix(a.text.String(), "\n") {
		s = "\n\n" + s
	}
	a.gap = false
	if n := len(a.items); n > 0 {
		a.items[n-1].Length += len(s)
	}
	a.text.WriteString(s)
	return a.onText(s)
}

func (a *responseAnswer) close(reason string, r responses.Response) {
	a.reason = reason
	if a.reason == "" {
		a.reason = incomplete
	}
	if r.Model != "" {
		a.response.Model = r.Model
	}
	a.count(r.Usage)
	a.call.Closing()
}

// count sorts the vendor's totals: its input tokens include the cached.
func (a *responseAnswer) count(u responses.ResponseUsage) {
	read, write := u.InputTokensDetails.CachedTokens, u.InputTokensDetails.CacheWriteTokens
	a.response.Usage = llm.Usage{
		InputTokens:      max(u.InputTokens-read-write, 0),
		OutputTokens:     u.OutputTokens,
		CacheReadTokens:  read,
		CacheWriteTokens: write,
		ReasoningTokens:  u.OutputTokensDetails.ReasoningTokens,
	}
}

// finished reports whether the model said that it was done.
func (a *responseAnswer) finished() bool { return a.reason != "" }

// finish is the whole answer.
func (a *responseAnswer) finish() (llm.Response, error) {
	r := a.response
	r.Text = a.text.String()
	for _, c := range a.order {
		arguments := c.arguments.String()
		if strings.TrimSpace(arguments) == "" {
			arguments = "{}"
		}
		r.ToolCalls = append(r.ToolCalls, llm.ToolCall{ID: a.ids.Take(c.id), Name: c.name, Input: json.RawMessage(arguments)})
	}
	var broken string
	r.ToolCalls, broken = wire.WholeCalls(r.ToolCalls)
	switch {
	case a.reason == "content_filter" || a.refused:
		r.StopReason = llm.StopRefusal
	case a.reason != completed:
		r.StopReason = llm.StopLength
	case broken != "":
		return a.partial(), a.call.Garbled("the arguments of a call of %s are not a JSON object", broken)
	case len(r.ToolCalls) > 0:
		r.StopReason = llm.StopToolCalls
	default:
		r.StopReason = llm.StopEnd
	}
	if broken == "" {
		r.Carry = responseCarry{Model: a.model, Items: a.items}.pack()
	}
	return r, nil
}

// partial is what there is of an answer that failed.
func (a *responseAnswer) partial() llm.Response {
	return llm.Response{Model: a.response.Model, Text: a.text.String(), Usage: a.response.Usage}
}
