package record

import (
	"encoding/json"

	"github.com/zeblit/zeblit/internal/llm"
)

// redactRequest is the request without secrets, and without what only its vendor reads.
func redactRequest(redact func(string) string, req llm.Request) llm.Request {
	req.System = clean(redact, req.System)
	messages := make([]llm.Message, len(req.Messages))
	for i, m := range req.Messages {
		m.Carry = nil
		m.Text = clean(redact, m.Text)
		m.ToolCalls = redactCalls(redact, m.ToolCalls)
		results := make([]llm.ToolResult, len(m.ToolResults))
		for j, r := range m.ToolResults {
			r.Text = clean(redact, r.Text)
			results[j] = r
		}
		m.ToolResults = results
		messages[i] = m
	}
	req.Messages = messages
	return req
}

func redactCalls(redact func(string) string, calls []llm.ToolCall) []llm.ToolCall {
	out := make([]llm.ToolCall, len(calls))
	for i, c := range calls {
		c.Input = redactJSON(redact, c.Input)
		out[i] = c
	}
	return out
}

// redactJSON redacts the strings of a value, so that it stays one.
func redactJSON(redact func(string) string, raw json.RawMessage) json.RawMessage {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		whole, _ := json.Marshal(clean(redact, string(raw)))
		return whole
	}
	changed := false
	var walk func(any) any
	walk = func(v any) any {
		switch v := v.(type) {
		case string:
			s := clean(redact, v)
			changed = changed || s != v
			return s
		case []any:
			for i := range v {
				v[i] = walk(v[i])
			}
		case map[string]any:
			for k := range v {
				v[k] = walk(v[k])
			}
		}
		return v
	}
	if v = walk(v); !changed {
		return raw // with its own order and numbers
	}
	out, _ := json.Marshal(v)
	return out
}

// redactChunks redacts text that came in pieces. A secret may be cut by them: where the
// whole has one, the pieces are joined.
func redactChunks(redact func(string) string, chunks []string) []string {
	var whole string
	for _, c := range chunks {
		whole += c
	}
	if safe := clean(redact, whole); safe != whole {
		return []string{safe}
	}
	return chunks
}
