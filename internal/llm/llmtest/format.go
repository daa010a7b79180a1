package llmtest

import (
	"net/http"

	"github.com/zeblit/zeblit/internal/llm"
)

// object is a JSON object.
type object = map[string]any

func newFormat(a *answer) format {
	if a.request.Vendor == Anthropic {
		return &anthropicFormat{answer: a}
	}
	return &openaiFormat{answer: a}
}

// anthropicFormat streams as POST /v1/messages does.
type anthropicFormat struct {
	*answer
	index int    // of the open or next content block
	open  string // its type; empty when none is open
}

func (f *anthropicFormat) start() {
	u := f.counts()
	f.event("message_start", object{"type": "message_start", "message": object{
		"id": "msg_" + f.server.newID(), "type": "message", "role": "assistant", "model": f.request.Model,
		"content": []any{}, "stop_reason": nil, "stop_sequence": nil,
		"usage": object{
			"input_tokens": u.InputTokens, "output_tokens": 1,
			"cache_read_input_tokens": u.CacheReadTokens, "cache_creation_input_tokens": u.CacheWriteTokens,
		},
	}})
	f.event("ping", object{"type": "ping"})
}

func (f *anthropicFormat) block(kind string, block object) {
	if f.open == kind && kind == "text" {
		return
	}
	f.callEnd()
	f.open = kind
	f.event("content_block_start", object{"type": "content_block_start", "index": f.index, "content_block": block})
}

func (f *anthropicFormat) part(delta object) {
	f.event("content_block_delta", object{"type": "content_block_delta", "index": f.index, "delta": delta})
}

func (f *anthropicFormat) text(s string) {
	f.block("text", object{"type": "text", "text": ""})
	f.part(object{"type": "text_delta", "text": s})
}

func (f *anthropicFormat) think(text, signature string) {
	f.block("thinking", object{"type": "thinking", "thinking": "", "signature": ""})
	if text != "" {
		f.part(object{"type": "thinking_delta", "thinking": text})
	}
	f.part(object{"type": "signature_delta", "signature": signature})
	f.callEnd()
}

func (f *anthropicFormat) call(id, name string) {
	f.block("tool_use", object{"type": "tool_use", "id": id, "name": name, "input": object{}})
}

func (f *anthropicFormat) input(piece string) {
	f.part(object{"type": "input_json_delta", "partial_json": piece})
}

func (f *anthropicFormat) callEnd() {
	if f.open != "" {
		f.event("content_block_stop", object{"type": "content_block_stop", "index": f.index})
		f.open = ""
		f.index++
	}
}

func (f *anthropicFormat) whole(id, name, input string) {
	f.call(id, name)
	f.input(input)
	f.callEnd()
}

func (f *anthropicFormat) fail(kind string) {
	f.event("error", object{"type": "error", "error": object{"type": kind, "message": kind + " from the script"}})
}

func (f *anthropicFormat) finish(stop llm.StopReason, u llm.Usage) {
	f.callEnd()
	reason := map[llm.StopReason]string{
		llm.StopEnd: "end_turn", llm.StopToolCalls: "tool_use", llm.StopLength: "max_tokens", llm.StopRefusal: "refusal",
	}[stop]
	f.event("message_delta", object{
		"type":  "message_delta",
		"delta": object{"stop_reason": reason, "stop_sequence": nil},
		"usage": object{"output_tokens": u.OutputTokens, "output_tokens_details": object{"thinking_tokens": u.ReasoningTokens}},
	})
	f.event("message_stop", object{"type": "message_stop"})
}

func (f *anthropicFormat) refusal(status int, code, message string) any {
	if code == "" {
		code = map[int]string{
			http.StatusBadRequest: "invalid_request_error", http.StatusUnauthorized: "authentication_error",
			http.StatusForbidden: "permission_error", http.StatusNotFound: "not_found_error",
			http.StatusRequestEntityTooLarge: "request_too_large", http.StatusTooManyRequests: "rate_limit_error",
			529: "overloaded_error",
		}[status]
	}
	if code == "" {
		code = "api_error"
	}
	return object{"type": "error", "error": object{"type": code, "message": message}}
}

// openaiFormat streams as POST /v1/chat/completions does.
type openaiFormat struct {
	*answer
	calls int
}

func (f *openaiFormat) chunk(delta object, finish any) {
	f.event("", object{
		"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": f.request.Model,
		"choices": []any{object{"index": 0, "delta": delta, "finish_reason": finish}}, "usage": nil,
	})
}

func (f *openaiFormat) start() {
	f.chunk(object{"role": "assistant", "content": ""}, nil)
}

func (f *openaiFormat) text(s string)        { f.chunk(object{"content": s}, nil) }
func (f *openaiFormat) think(string, string) {}

func (f *openaiFormat) tool(call object) { f.chunk(object{"tool_calls": []any{call}}, nil) }

func (f *openaiFormat) call(id, name string) {
	f.tool(object{"index": f.calls, "id": id, "type": "function", "function": object{"name": name, "arguments": ""}})
}

func (f *openaiFormat) input(piece string) {
	f.tool(object{"index": f.calls, "function": object{"arguments": piece}})
}

func (f *openaiFormat) callEnd() { f.calls++ }

func (f *openaiFormat) whole(_, name, input string) {
	f.tool(object{"index": 0, "type": "function", "function": object{"name": name, "arguments": input}})
}

func (f *openaiFormat) fail(kind string) {
	f.event("", object{"error": object{"type": kind, "code": nil, "message": kind + " from the script"}})
}

func (f *openaiFormat) finish(stop llm.StopReason, u llm.Usage) {
	reason := map[llm.StopReason]string{
		llm.StopEnd: "stop", llm.StopToolCalls: "tool_calls", llm.StopLength: "length", llm.StopRefusal: "content_filter",
	}[stop]
	f.chunk(object{}, reason)
	input := u.InputTokens + u.CacheReadTokens + u.CacheWriteTokens
	f.event("", object{
		"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": f.request.Model, "choices": []any{},
		"usage": object{
			"prompt_tokens": input, "completion_tokens": u.OutputTokens, "total_tokens": input + u.OutputTokens,
			"prompt_tokens_details":     object{"cached_tokens": u.CacheReadTokens, "cache_write_tokens": u.CacheWriteTokens},
			"completion_tokens_details": object{"reasoning_tokens": u.ReasoningTokens},
		},
	})
	f.write("data: [DONE]\n\n")
}

func (f *openaiFormat) refusal(status int, code, message string) any {
	kind := "invalid_request_error"
	switch {
	case status == http.StatusTooManyRequests:
		kind = "requests"
	case status >= 500:
		kind = "server_error"
	}
	var c any
	if code != "" {
		c = code
	}
	return object{"error": object{"type": kind, "code": c, "param": nil, "message": message}}
}
