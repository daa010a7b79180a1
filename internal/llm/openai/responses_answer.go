package openai

import (
	"cmp"
	"encoding/json"
	"strings"

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

func (a *responseAnswer) take(e event) error {
	if strings.HasPrefix(e.Type, "response.") {
		a.call.Event()
	}
	switch e.Type {
	case "response.output_item.added", "response.output_item.done":
		var i outputItem
		if err := json.Unmarshal(e.Item, &i); err != nil {
			return a.unreadable(e, err)
		}
		if e.Type == "response.output_item.added" {
			a.begin(e.Index, i)
		} else {
			a.end(e.Index, i)
		}
	case "response.output_text.delta", "response.refusal.delta", "response.function_call_arguments.delta":
		var piece string
		if err := json.Unmarshal(e.Delta, &piece); err != nil {
			return a.unreadable(e, err)
		}
		return a.add(e, piece)
	case "response.created", "response.completed", "response.incomplete", "response.failed":
		var r result
		if err := json.Unmarshal(e.Response, &r); err != nil {
			return a.unreadable(e, err)
		}
		return a.report(e.Type, r)
	case "error":
		return a.call.Refused(wire.Refusal{Code: e.Code, Message: e.Message})
	}
	return nil
}

func (a *responseAnswer) unreadable(e event, err error) error {
	return a.call.Garbled("a %s event of the stream is not what it should be: %s", e.Type, err)
}

func (a *responseAnswer) add(e event, piece string) error {
	if e.Type == "response.function_call_arguments.delta" {
		if c := a.calls[e.Index]; c != nil {
			c.arguments.WriteString(piece)
		}
		return nil
	}
	a.refused = a.refused || e.Type == "response.refusal.delta"
	return a.say(piece)
}

// report takes what is said of the response as a whole.
func (a *responseAnswer) report(kind string, r result) error {
	if r.Model != "" {
		a.response.Model = r.Model
	}
	a.count(r)
	switch kind {
	case "response.completed":
		a.reason = completed
	case "response.incomplete":
		a.reason = cmp.Or(r.Incomplete.Reason, incomplete)
	case "response.failed":
		return a.call.Refused(wire.Refusal{Type: r.Error.Type, Code: r.Error.Code, Message: r.Error.Message})
	default:
		return nil
	}
	a.call.Closing()
	return nil
}

func (a *responseAnswer) begin(index int64, i outputItem) {
	switch i.Type {
	case "message":
		a.gap = a.text.Len() > 0
		a.items = append(a.items, item{Kind: "text", Phase: i.Phase})
	case "function_call":
		c := &responseCall{id: i.CallID, name: i.Name}
		c.arguments.WriteString(i.Arguments)
		a.calls[index] = c
		a.order = append(a.order, c)
		a.items = append(a.items, item{Kind: "call"})
	}
}

// end is an item as it came to be.
func (a *responseAnswer) end(index int64, i outputItem) {
	switch c := a.calls[index]; {
	case i.Type == "function_call" && c != nil && c.arguments.Len() == 0:
		c.arguments.WriteString(i.Arguments)
	case i.Type == "reasoning" && i.Encrypted != "":
		reasoning := item{Kind: "reasoning", ID: i.ID, Encrypted: i.Encrypted}
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

// count sorts the vendor's totals: its input tokens include the cached.
func (a *responseAnswer) count(r result) {
	u := r.Usage
	a.response.Usage = llm.Usage{
		InputTokens:      max(u.Input-u.Inputs.Cached-u.Inputs.Written, 0),
		OutputTokens:     u.Output,
		CacheReadTokens:  u.Inputs.Cached,
		CacheWriteTokens: u.Inputs.Written,
		ReasoningTokens:  u.Outputs.Reasoning,
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
