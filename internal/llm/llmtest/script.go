package llmtest

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/zeblit/zeblit/internal/llm"
)

// Script answers one request or more. A Step and a Reply answer one, a Func every
// one from its turn on.
type Script interface {
	reply(Request) Reply
	lasting() bool
}

// Reply is one answer: its steps in order. It ends well on its own, with the stop
// reason that fits (tool calls or end), unless a step says otherwise.
type Reply []Step

// Func chooses the answer by the request; it may be called concurrently.
type Func func(Request) Reply

// Step is a part of an answer.
type Step struct {
	before func(*answer) // ahead of all steps
	run    func(*answer)
}

func (s Step) reply(Request) Reply   { return Reply{s} }
func (r Reply) reply(Request) Reply  { return r }
func (f Func) reply(q Request) Reply { return f(q) }
func (s Step) lasting() bool         { return false }
func (r Reply) lasting() bool        { return false }
func (f Func) lasting() bool         { return true }

// Say sends text, one delta for each part.
func Say(parts ...string) Step {
	return Step{run: func(a *answer) {
		for _, p := range parts {
			a.delta(func() { a.out.text(p) })
			a.said += len(p)
		}
	}}
}

// Call calls a tool. Input is anything that marshals to a JSON object; nil is {}.
// It is streamed in several deltas. Call it again for another call in the same answer.
func Call(tool string, input any) Step { return call(tool, input, false) }

// WholeCall calls a tool as some OpenAI-compatible servers do: in a single chunk,
// without an id, always at index 0. For Anthropic it is like Call.
func WholeCall(tool string, input any) Step { return call(tool, input, true) }

// CallAs is Call with an id, which may be empty, and with input that need not be JSON.
func CallAs(id, tool, input string) Step {
	return callAs(func(*Server) string { return id }, tool, input, false)
}

func call(tool string, input any, whole bool) Step {
	if input == nil {
		input = struct{}{}
	}
	raw, err := json.Marshal(input)
	if err != nil {
		panic(fmt.Sprintf("llmtest: input of %s: %v", tool, err))
	}
	return callAs((*Server).newID, tool, string(raw), whole)
}

func callAs(newID func(*Server) string, tool, raw string, whole bool) Step {
	return Step{run: func(a *answer) {
		id := newID(a.server)
		a.said += len(raw)
		a.called = true
		if whole {
			a.delta(func() { a.out.whole(id, tool, raw) })
			return
		}
		a.delta(func() { a.out.call(id, tool) })
		for piece := range pieces(raw, 3) {
			a.delta(func() { a.out.input(piece) })
		}
		a.out.callEnd()
	}}
}

// pieces cuts s into at most n about equal parts.
func pieces(s string, n int) func(func(string) bool) {
	return func(yield func(string) bool) {
		size := max((len(s)+n-1)/n, 1)
		for len(s) > 0 {
			k := min(size, len(s))
			if !yield(s[:k]) {
				return
			}
			s = s[k:]
		}
	}
}

// Think sends a thinking block of Anthropic's, or reasoning of OpenAI's Responses
// API, with its signature or encrypted content. Chat completions have none.
func Think(text, signature string) Step {
	return Step{run: func(a *answer) { a.delta(func() { a.out.think(text, signature) }) }}
}

// Status refuses the request with an HTTP status and the vendor's usual error for
// it; with a retryAfter, in the header of that name.
func Status(code int, retryAfter ...time.Duration) Step {
	return Refuse(code, "", "", retryAfter...)
}

// Refuse is Status with the vendor's error code or type, and its message.
func Refuse(status int, code, message string, retryAfter ...time.Duration) Step {
	return Step{run: func(a *answer) {
		var after time.Duration
		if len(retryAfter) > 0 {
			after = retryAfter[0]
		}
		a.refuse(status, code, message, after)
	}}
}

// Cut drops the connection once that many deltas of the answer are sent.
// It counts from the answer's start, wherever it stands.
func Cut(afterDeltas int) Step {
	return Step{before: func(a *answer) { a.cut, a.onCut = afterDeltas, a.drop }}
}

// Truncate ends the answer in good order after that many deltas, but without the
// marks of a finished one.
func Truncate(afterDeltas int) Step {
	return Step{before: func(a *answer) { a.cut, a.onCut = afterDeltas, a.end }}
}

// Drop closes the connection without a word of an answer.
func Drop() Step { return Step{run: func(a *answer) { a.drop() }} }

// Slow waits before each delta that follows.
func Slow(d time.Duration) Step { return Step{run: func(a *answer) { a.slow = d }} }

// Do calls f when the answer gets there.
func Do(f func()) Step { return Step{run: func(*answer) { f() }} }

// Wait holds the answer until ch is closed.
func Wait(ch <-chan struct{}) Step { return Hold(ch, func() {}) }

// Hold is Wait, and calls left when the client leaves meanwhile.
func Hold(ch <-chan struct{}, left func()) Step {
	return Step{run: func(a *answer) {
		a.begin()
		a.wait(ch, left)
	}}
}

// Hang begins the answer and never goes on, until the client leaves or the server closes.
func Hang() Step { return Wait(nil) }

// StreamError sends an error event of that type ("overloaded_error", "api_error", …)
// into the stream and ends it.
func StreamError(kind string) Step {
	return Step{run: func(a *answer) {
		a.begin()
		a.out.fail(kind)
		a.end()
	}}
}

// Broken sends an event whose data is this instead of the vendor's JSON.
func Broken(data string) Step {
	return Step{run: func(a *answer) { a.begin(); a.out.broken(data) }}
}

// Unknown sends an event of a kind that there isn't yet.
func Unknown() Step {
	return Step{run: func(a *answer) { a.begin(); a.out.unknown() }}
}

// KeepAlive sends signs of life, and nothing else, until the client leaves.
func KeepAlive(every time.Duration) Step {
	return Step{run: func(a *answer) {
		a.begin()
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				a.write(": keep-alive\n\nevent: ping\ndata: {\"type\": \"ping\"}\n\n")
			case <-a.gone():
				a.drop()
			case <-a.server.closing:
				a.drop()
			}
		}
	}}
}

// Linger ends the answer and keeps its stream open, until the client leaves.
func Linger() Step { return Step{before: func(a *answer) { a.linger = true }} }

// Header sets one of the answer's headers.
func Header(name, value string) Step {
	return Step{before: func(a *answer) { a.w.Header().Set(name, value) }}
}

// Mute is Hang without a word of an answer, not even its headers.
func Mute() Step { return mute(func() {}) }

func mute(left func()) Step { return Step{run: func(a *answer) { a.wait(nil, left) }} }

// Heads sends the headers of an answer and never goes on.
func Heads() Step {
	return Step{run: func(a *answer) {
		a.head()
		a.send("")
		a.wait(nil, func() {})
	}}
}

// Usage sets what the answer reports; without it the counts are rough (length/4).
func Usage(u llm.Usage) Step { return Step{before: func(a *answer) { a.usage = &u }} }

// Stop sets the answer's stop reason.
func Stop(r llm.StopReason) Step { return Step{before: func(a *answer) { a.stop = r }} }

// Raw writes to the stream as it is; an event ends with an empty line.
func Raw(sse string) Step {
	return Step{run: func(a *answer) {
		a.begin()
		a.write(sse)
	}}
}

// Body answers with this and nothing else.
func Body(status int, contentType, body string) Step {
	return Step{run: func(a *answer) { a.body(status, contentType, body, 0) }}
}
