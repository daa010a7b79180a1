package openai

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/openai/openai-go/v3"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/wire"
)

// toolCalls gathers calls from deltas. OpenAI numbers them by index and names id and
// tool once; other servers repeat the index for whole calls, or leave out the ids.
type toolCalls struct {
	ids   *wire.IDs
	parts []*part
}

type part struct {
	index     int64
	id, name  string
	arguments strings.Builder
	extra     json.RawMessage
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
	if more := extra[json.RawMessage](d.JSON.ExtraFields, extraField); more != nil {
		p.extra = more
	}
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
		arguments := p.arguments.String()
		if strings.TrimSpace(arguments) == "" {
			arguments = "{}"
		}
		out = append(out, llm.ToolCall{ID: t.ids.Take(p.id), Name: p.name, Input: json.RawMessage(arguments)})
	}
	return out
}

// extra is what came with each call, for the vendor to see again.
func (t *toolCalls) extra() []json.RawMessage {
	var out []json.RawMessage
	for _, p := range t.parts {
		out = append(out, p.extra)
	}
	return out
}
