package llmtest

import (
	"fmt"
	"strings"

	"github.com/zeblit/zeblit/internal/llm"
)

// responsesFormat streams as POST /v1/responses does.
type responsesFormat struct {
	*answer
	events int
	output []any // the items that are done
	open   string
	item   object // that is open
	id     string
	piece  strings.Builder // its text, or its arguments
}

// send numbers an event and names it twice, as the vendor does.
func (f *responsesFormat) send(kind string, fields object) {
	fields["type"], fields["sequence_number"] = kind, f.events
	f.events++
	f.event(kind, fields)
}

// part is an event of the open item.
func (f *responsesFormat) part(kind string, fields object) {
	fields["item_id"], fields["output_index"] = f.id, len(f.output)
	f.send(kind, fields)
}

func (f *responsesFormat) response(status string) object {
	return object{
		"id": "resp_1", "object": "response", "created_at": 1, "status": status, "model": f.request.Model,
		"error": nil, "incomplete_details": nil, "output": f.output, "usage": nil, "store": false,
	}
}

func (f *responsesFormat) start() {
	f.send("response.created", object{"response": f.response("in_progress")})
	f.send("response.in_progress", object{"response": f.response("in_progress")})
}

// begin opens an item; one of the kind that is open goes on.
func (f *responsesFormat) begin(kind, prefix string, item object) bool {
	if f.open == kind && kind == "message" {
		return false
	}
	f.callEnd()
	f.open, f.id, f.item = kind, prefix+f.server.newID(), item
	f.piece.Reset()
	f.item["id"], f.item["type"], f.item["status"] = f.id, kind, "in_progress"
	f.send("response.output_item.added", object{"output_index": len(f.output), "item": f.item})
	return true
}

func (f *responsesFormat) text(s string) {
	if f.begin("message", "msg_", object{"role": "assistant", "content": []any{}}) {
		f.part("response.content_part.added", object{"content_index": 0, "part": said("")})
	}
	f.piece.WriteString(s)
	f.part("response.output_text.delta", object{"content_index": 0, "delta": s, "logprobs": []any{}})
}

func said(s string) object {
	return object{"type": "output_text", "text": s, "annotations": []any{}, "logprobs": []any{}}
}

func (f *responsesFormat) think(text, signature string) {
	f.begin("reasoning", "rs_", object{"summary": []any{}, "encrypted_content": ""})
	if text != "" {
		summary := object{"type": "summary_text", "text": text}
		f.part("response.reasoning_summary_part.added", object{"summary_index": 0, "part": object{"type": "summary_text", "text": ""}})
		f.part("response.reasoning_summary_text.delta", object{"summary_index": 0, "delta": text})
		f.part("response.reasoning_summary_text.done", object{"summary_index": 0, "text": text})
		f.part("response.reasoning_summary_part.done", object{"summary_index": 0, "part": summary})
		f.item["summary"] = []any{summary}
	}
	f.item["encrypted_content"] = signature
	f.callEnd()
}

func (f *responsesFormat) call(id, name string) {
	f.begin("function_call", "fc_", object{"call_id": id, "name": name, "arguments": ""})
}

func (f *responsesFormat) input(piece string) {
	f.piece.WriteString(piece)
	f.part("response.function_call_arguments.delta", object{"delta": piece})
}

// callEnd closes the item that is open.
func (f *responsesFormat) callEnd() {
	switch f.open {
	case "":
		return
	case "message":
		whole := said(f.piece.String())
		f.part("response.output_text.done", object{"content_index": 0, "text": f.piece.String(), "logprobs": []any{}})
		f.part("response.content_part.done", object{"content_index": 0, "part": whole})
		f.item["content"] = []any{whole}
	case "function_call":
		f.part("response.function_call_arguments.done", object{"arguments": f.piece.String(), "name": f.item["name"]})
		f.item["arguments"] = f.piece.String()
	}
	f.item["status"] = "completed"
	f.send("response.output_item.done", object{"output_index": len(f.output), "item": f.item})
	f.output = append(f.output, f.item)
	f.open = ""
}

func (f *responsesFormat) whole(id, name, input string) {
	f.call(id, name)
	f.input(input)
	f.callEnd()
}

func (f *responsesFormat) broken(data string) { f.rawEvent("response.output_text.delta", data) }

func (f *responsesFormat) unknown() { f.send("response.weather_report", object{"delta": "rain"}) }

func (f *responsesFormat) fail(kind string) {
	f.send("error", object{"code": kind, "message": kind + " from the script", "param": nil})
}

func (f *responsesFormat) finish(stop llm.StopReason, u llm.Usage) {
	f.callEnd()
	end, r := "completed", f.response("completed")
	if reason := map[llm.StopReason]string{llm.StopLength: "max_output_tokens", llm.StopRefusal: "content_filter"}[stop]; reason != "" {
		end, r = "incomplete", f.response("incomplete")
		r["incomplete_details"] = object{"reason": reason}
	}
	input := u.InputTokens + u.CacheReadTokens + u.CacheWriteTokens
	r["usage"] = object{
		"input_tokens": input, "output_tokens": u.OutputTokens, "total_tokens": input + u.OutputTokens,
		"input_tokens_details":  object{"cached_tokens": u.CacheReadTokens, "cache_write_tokens": u.CacheWriteTokens},
		"output_tokens_details": object{"reasoning_tokens": u.ReasoningTokens},
	}
	f.send(fmt.Sprintf("response.%s", end), object{"response": r})
}

func (f *responsesFormat) refusal(status int, code, message string) any {
	return openaiRefusal(status, code, message)
}
