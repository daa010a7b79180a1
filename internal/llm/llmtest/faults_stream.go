package llmtest

import (
	"time"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/wire"
)

// sofar is said before a stream fails.
var sofar = Say("one, ", "two, ", "three")

var outOfMemory = Raw("event: error\ndata: out of memory\n\n")

func broke(kind llm.Kind) End { return End{Kind: kind, Text: "one, two, three"} }

// streamErrors are the vendor's errors in a stream that has begun.
func streamErrors() []Fault {
	return []Fault{
		{Name: "an error event before the text: overloaded", Script: Reply{StreamError("overloaded_error")}, End: refused(llm.KindOverloaded)},
		{Name: "an error event in the text: overloaded", Script: Reply{sofar, StreamError("overloaded_error")}, End: broke(llm.KindOverloaded)},
		{Name: "an error event in the text: too many requests", Script: Reply{sofar, StreamError("rate_limit_exceeded")}, End: broke(llm.KindOverloaded)},
		{Name: "an error event in the text: the vendor's own failure", Script: Reply{sofar, StreamError("server_error")}, End: broke(llm.KindUnavailable)},
		{Name: "an error event in the text: no credit is left", Script: Reply{sofar, StreamError("insufficient_quota")}, End: broke(llm.KindAuth)},
		{Name: "an error event in the text: billing", Script: Reply{sofar, StreamError("billing_error")}, End: broke(llm.KindAuth)},
		{Name: "an error event in the text: the key", Script: Reply{sofar, StreamError("authentication_error")}, End: broke(llm.KindAuth)},
		{Name: "an error event in the text: the request", Script: Reply{sofar, StreamError("invalid_request_error")}, End: broke(llm.KindBadRequest)},
		{Name: "an error event in the text: the context is too large", Script: Reply{sofar, StreamError("context_length_exceeded")}, End: broke(llm.KindTooLarge)},
		{Name: "an error event that is not JSON", Only: []Vendor{Anthropic}, Script: Reply{sofar, outOfMemory}, End: broke(llm.KindUnavailable)},
		{Name: "an error event that is not JSON", Only: []Vendor{OpenAI, OpenAIResponses}, Script: Reply{sofar, outOfMemory}, End: broke(llm.KindGarbled)},
		{
			Name: "`response.failed`", Only: []Vendor{OpenAIResponses},
			Script: Reply{sofar, Raw("event: response.failed\ndata: {\"type\":\"response.failed\",\"response\":{\"status\":\"failed\",\"error\":{\"code\":\"rate_limit_exceeded\",\"message\":\"slower\"}}}\n\n")},
			End:    broke(llm.KindOverloaded),
		},
	}
}

// brokenStreams are streams that end, stall or go wrong before their answer is whole.
func brokenStreams() []Fault {
	call := Call("write_file", map[string]any{"path": "a", "text": "0123456789"})
	answer := End{Stop: llm.StopEnd, Text: "one, two, three"}
	return []Fault{
		{Name: "an empty stream", Script: Reply{Body(200, "text/event-stream", "")}, End: refused(llm.KindCut)},
		{Name: "the connection is lost before the text", Script: Reply{sofar, Cut(0)}, End: refused(llm.KindCut)},
		{Name: "the connection is lost in the text", Script: Reply{sofar, Say("four"), Cut(3)}, End: broke(llm.KindCut)},
		{Name: "the connection is lost after the text", Script: Reply{sofar, Cut(3)}, End: broke(llm.KindCut)},
		{Name: "the connection is lost in a tool call", Script: Reply{sofar, call, Cut(5)}, End: broke(llm.KindCut)},
		{Name: "the stream ends in the text", Script: Reply{sofar, Say("four"), Truncate(3)}, End: broke(llm.KindCut)},
		{Name: "the stream ends after the text", Script: Reply{sofar, Truncate(3)}, End: broke(llm.KindCut)},
		{Name: "the stream ends in a tool call", Script: Reply{sofar, call, Truncate(5)}, End: broke(llm.KindCut)},
		{Name: "the stream ends after a tool call", Script: Reply{sofar, call, Truncate(7)}, End: broke(llm.KindCut)},
		{Name: "nothing comes after the headers", Script: Reply{Heads()}, Limits: wire.Limits{First: short}, End: refused(llm.KindCut)},
		{Name: "nothing comes any more", Script: Reply{sofar, Hang()}, Limits: wire.Limits{Between: short}, End: broke(llm.KindCut)},
		{Name: "nothing but keep-alives comes any more", Script: Reply{sofar, KeepAlive(5 * time.Millisecond)}, Limits: wire.Limits{Event: short}, End: broke(llm.KindCut)},
		{Name: "the stream is not closed after the answer", Script: Reply{sofar, Linger()}, Limits: wire.Limits{Between: short}, End: answer},
		{Name: "an event is not JSON", Script: Reply{sofar, Broken("{oops")}, End: broke(llm.KindGarbled)},
		{Name: "an event is cut in two", Script: Reply{sofar, Broken(`{"type":"content_block_delta","delta":{"te`)}, End: broke(llm.KindGarbled)},
	}
}

// oddStreams are whole answers in forms that the event stream format allows.
func oddStreams() []Fault {
	answer := End{Stop: llm.StopToolCalls, Text: "Grüße, \"wörld\" 🌍\nand all", Calls: []string{`look{"path":"ä/\\b"}`, `list{}`}}
	form := func(name string, step Step) Fault {
		return Fault{
			Name:   name,
			Script: Reply{step, Say("Grüße, ", "\"wörld\" ", "🌍\n", "and all"), Call("look", map[string]any{"path": `ä/\b`}), Call("list", nil)},
			End:    answer,
		}
	}
	return []Fault{
		form("the stream comes byte by byte", Drip()),
		form("its lines end in CR LF", CRLF()),
		form("it begins with a byte order mark", Mark()),
		form("comments stand between and in the events", Comments()),
		form("events have several lines of data", Lines()),
		form("events of an unknown kind come", Unknown()),
		form("pieces come a moment apart", Slow(2*time.Millisecond)),
	}
}
