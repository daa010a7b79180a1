package llmtest

import (
	"net/http"

	"github.com/zeblit/zeblit/internal/llm"
)

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

func (f *anthropicFormat) broken(data string) { f.rawEvent("content_block_delta", data) }

func (f *anthropicFormat) unknown() {
	f.event("weather_report", object{"type": "weather_report", "delta": object{"type": "text_delta", "text": "rain"}})
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
