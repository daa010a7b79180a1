package llmtest

import (
	"encoding/json"
	"strings"

	"github.com/zeblit/zeblit/internal/llm"
)

// oddAnswers are answers that are whole, and not what one would like.
func oddAnswers() []Fault {
	used := func(req *llm.Request) {
		req.Messages = append(req.Messages,
			llm.Message{Role: llm.RoleAssistant, ToolCalls: []llm.ToolCall{{ID: "used", Name: "look", Input: json.RawMessage("{}")}}},
			llm.Message{Role: llm.RoleUser, ToolResults: []llm.ToolResult{{CallID: "used", Text: "seen"}}})
	}
	calls := func(text string, calls ...string) End { return End{Stop: llm.StopToolCalls, Text: text, Calls: calls} }
	garbled := End{Kind: llm.KindGarbled, Text: "x"}
	huge := strings.Repeat("0123456789abcdef", 16<<10) // 256 KB
	var much []string
	for range 16 {
		much = append(much, huge)
	}
	return []Fault{
		{Name: "nothing is said", Script: Reply{}, End: End{Stop: llm.StopEnd}},
		{Name: "the answer is refused", Script: Reply{Say("x"), Stop(llm.StopRefusal)}, End: End{Stop: llm.StopRefusal, Text: "x"}},
		{Name: "the output limit ends the text", Script: Reply{Say("x"), Stop(llm.StopLength)}, End: End{Stop: llm.StopLength, Text: "x"}},
		{Name: "the output limit ends a tool call, after a whole one", Script: Reply{Say("x"), CallAs("a", "look", `{"n":1}`), CallAs("b", "look", `{"n":`), Stop(llm.StopLength)}, End: End{Stop: llm.StopLength, Text: "x", Calls: []string{`look{"n":1}`}}},
		{Name: "text, then tool calls", Script: Reply{Say("x"), CallAs("a", "look", `{"n":1}`), CallAs("b", "list", `{"n":2}`)}, End: calls("x", `look{"n":1}`, `list{"n":2}`)},
		{Name: "a tool call without arguments", Script: Reply{Say("x"), CallAs("a", "look", "")}, End: calls("x", "look{}")},
		{Name: "arguments that are not JSON", Script: Reply{Say("x"), CallAs("a", "look", `{"n":}`)}, End: garbled},
		{Name: "arguments that are not an object", Script: Reply{Say("x"), CallAs("a", "look", `["n"]`)}, End: garbled},
		{Name: "arguments that are cut in two, without a limit", Script: Reply{Say("x"), CallAs("a", "look", `{"n":`)}, End: garbled},
		{Name: "the same id twice in an answer", Script: Reply{CallAs("a", "look", `{"n":1}`), CallAs("a", "list", `{"n":2}`)}, End: calls("", `look{"n":1}`, `list{"n":2}`)},
		{Name: "an id of the transcript again", Script: Reply{CallAs("used", "look", `{"n":1}`)}, asked: used, End: calls("", `look{"n":1}`)},
		{Name: "tool calls without ids", Script: Reply{CallAs("", "look", `{"n":1}`), CallAs("", "look", `{"n":1}`)}, End: calls("", `look{"n":1}`, `look{"n":1}`)},
		{Name: "4 MB of text", Script: Reply{Say(much...)}, End: End{Stop: llm.StopEnd, Text: strings.Repeat(huge, len(much))}},
		{Name: "8 MB of text in one event", Script: Reply{Say(strings.Repeat(huge, 32))}, End: End{Stop: llm.StopEnd, Text: strings.Repeat(huge, 32)}},
		{
			Name: "the stream ends after the answer, before its usage", Only: []Vendor{OpenAI},
			Script: Reply{Raw("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}]}\n\n"), Truncate(0)},
			End:    End{Stop: llm.StopEnd, Text: "x"},
		},
		{
			Name: "the stream ends after the stop reason", Only: []Vendor{Anthropic},
			Script: Reply{Say("x"), Raw("event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":1}}\n\n"), Drop()},
			End:    End{Stop: llm.StopEnd, Text: "x"},
		},
	}
}
