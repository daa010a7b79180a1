package llmtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/zeblit/zeblit/internal/llm"
)

// answer is one reply on its way. Steps write it through out, in the vendor's format.
type answer struct {
	server  *Server
	request Request
	w       http.ResponseWriter
	r       *http.Request
	out     format

	begun  bool
	deltas int
	cut    int // drop after so many deltas; -1: never
	onCut  func()
	slow   time.Duration
	said   int // characters
	called bool
	usage  *llm.Usage
	stop   llm.StopReason
	linger bool
	bytes  bytesOut
}

// format is a vendor's way to stream.
type format interface {
	start()
	text(string)
	think(text, signature string)
	call(id, name string)
	input(piece string)
	callEnd()
	broken(data string) // an event with that for its JSON
	unknown()           // an event of a kind to come
	whole(id, name, input string)
	fail(kind string)
	finish(llm.StopReason, llm.Usage)
	refusal(status int, code, message string) any
}

// over unwinds an answer that is finished early.
type over struct{ drop bool }

// run writes the whole reply.
func (a *answer) run(steps Reply) {
	a.cut = -1
	defer func() {
		switch v := recover().(type) {
		case nil:
		case over:
			if v.drop {
				panic(http.ErrAbortHandler) // net/http closes the connection, quietly
			}
		default:
			panic(v)
		}
	}()
	for _, step := range steps {
		if step.before != nil {
			step.before(a)
		}
	}
	for _, step := range steps {
		if step.run != nil {
			step.run(a)
		}
	}
	a.begin()
	if a.cut >= 0 {
		a.onCut()
	}
	a.out.finish(a.reason(), a.counts())
	if a.linger {
		Hang().run(a)
	}
}

func (a *answer) gone() <-chan struct{} { return a.r.Context().Done() }

func (a *answer) end()  { panic(over{}) }
func (a *answer) drop() { panic(over{drop: true}) }

func (a *answer) begin() {
	if a.begun {
		return
	}
	a.begun = true
	a.head()
	a.out.start()
}

func (a *answer) head() {
	a.w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	a.w.WriteHeader(http.StatusOK)
}

// wait is until ch is closed; the answer is dropped when the client leaves meanwhile,
// which left is told, or the server closes.
func (a *answer) wait(ch <-chan struct{}, left func()) {
	select {
	case <-ch:
	case <-a.gone():
		left()
		a.drop()
	case <-a.server.closing:
		a.drop()
	}
}

// delta sends one, after the wait that Slow asked for.
func (a *answer) delta(send func()) {
	a.begin()
	if a.cut >= 0 && a.deltas >= a.cut {
		a.onCut()
	}
	if a.slow > 0 {
		timer := time.NewTimer(a.slow)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-a.gone():
			a.drop()
		case <-a.server.closing:
			a.drop()
		}
	}
	send()
	a.deltas++
}

// event writes one server-sent event; without a name, only its data.
func (a *answer) event(name string, data any) {
	raw, err := json.Marshal(data)
	if err != nil {
		panic(fmt.Sprintf("llmtest: %v", err))
	}
	a.rawEvent(name, string(raw))
}

func (a *answer) rawEvent(name, data string) {
	if name != "" {
		name = "event: " + name + "\n"
	}
	a.write(name + "data: " + data + "\n\n")
}

func (a *answer) refuse(status int, code, message string, after time.Duration) {
	if message == "" {
		message = http.StatusText(status)
	}
	if message == "" {
		message = "overloaded" // 529 has no text of its own
	}
	raw, _ := json.Marshal(a.out.refusal(status, code, message))
	a.body(status, "application/json", string(raw), after)
}

func (a *answer) body(status int, contentType, body string, after time.Duration) {
	if a.begun {
		panic("llmtest: a refusal after the answer has begun; use StreamError")
	}
	if after > 0 {
		a.w.Header().Set("Retry-After", strconv.Itoa(int((after+time.Second-1)/time.Second)))
		a.w.Header().Set("Retry-After-Ms", strconv.FormatInt(after.Milliseconds(), 10))
	}
	a.w.Header().Set("Content-Type", contentType)
	a.w.WriteHeader(status)
	_, _ = io.WriteString(a.w, body)
	a.end()
}

func (a *answer) reason() llm.StopReason {
	switch {
	case a.stop != "":
		return a.stop
	case a.called:
		return llm.StopToolCalls
	}
	return llm.StopEnd
}

func (a *answer) counts() llm.Usage {
	if a.usage != nil {
		return *a.usage
	}
	return llm.Usage{InputTokens: int64(len(a.request.Body)/4 + 1), OutputTokens: int64(a.said/4 + 1)}
}
