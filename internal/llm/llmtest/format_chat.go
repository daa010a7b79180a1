package llmtest

import (
	"net/http"

	"github.com/zeblit/zeblit/internal/llm"
)

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

func (f *openaiFormat) broken(data string) { f.rawEvent("", data) }

func (f *openaiFormat) unknown() {
	f.event("weather_report", object{"object": "weather.report", "forecast": "rain"})
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
	return openaiRefusal(status, code, message)
}

// openaiRefusal is an error's body, of either API.
func openaiRefusal(status int, code, message string) any {
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
