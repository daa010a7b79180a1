package faulttest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
	"github.com/zeblit/zeblit/internal/llm/quoted"
)

// Model is the scripted model. It answers by the transcript, and holds the transcript
// to what it must be: all that was answered before, and nothing else.
type Model struct {
	*llmtest.Server
	pace time.Duration

	mu       sync.Mutex
	asked    int
	diverged []string
	known    map[string]bool // of diverged
	holds    map[string]*hold
	answers  map[string]llmtest.Func // by the mark of the messages that they are for
}

// NewModel starts it. pace is the pause before each delta.
func NewModel(pace time.Duration) *Model {
	m := &Model{pace: pace, known: map[string]bool{}, holds: map[string]*hold{}, answers: map[string]llmtest.Func{}}
	m.Server = llmtest.Start(llmtest.Func(m.reply))
	return m
}

// Diverged lists what was wrong with the transcripts.
func (m *Model) Diverged() (all []string, asked int) {
	for _, q := range m.Requests() {
		if q.Refused != "" {
			all = append(all, "the vendor refuses: "+q.Refused)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return append(all, m.diverged...), m.asked
}

// answer has messages that begin with mark answered by f, whatever the script says.
func (m *Model) answer(mark string, f llmtest.Func) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answers[mark] = f
}

func (m *Model) answering(text string) llmtest.Func {
	m.mu.Lock()
	defer m.mu.Unlock()
	for mark, f := range m.answers {
		if strings.HasPrefix(text, mark) {
			return f
		}
	}
	return nil
}

func (m *Model) reply(q llmtest.Request) llmtest.Reply {
	if f := m.answering(q.LastText()); f != nil {
		return f(q)
	}
	if h := m.holding(q.LastText()); h != nil {
		return h.reply()
	}
	next, oddities, err := follow(q)
	m.mu.Lock()
	m.asked++
	for _, e := range append(oddities, err) {
		if e != nil && !m.known[e.Error()] {
			m.known[e.Error()] = true
			m.diverged = append(m.diverged, e.Error())
		}
	}
	m.mu.Unlock()
	if err != nil {
		return llmtest.Reply{llmtest.Refuse(400, "invalid_request_error", err.Error())}
	}
	reply := llmtest.Reply{llmtest.Slow(m.pace)}
	if len(next.pieces) > 0 {
		reply = append(reply, llmtest.Say(next.pieces...))
	}
	for _, c := range next.calls {
		reply = append(reply, llmtest.Call(c.tool, c.input))
	}
	return reply
}

// follow walks the transcript along the script and returns the answer that is due. What
// went wrong in an earlier task is odd, and no reason not to answer this one.
func follow(q llmtest.Request) (due answer, odd []error, err error) {
	counting := slices.ContainsFunc(q.Tools, func(t llm.Tool) bool { return t.Name == countOnce })
	var script []answer
	given, task := 0, -1
	for i, m := range q.Messages {
		if m.Role == llm.RoleAssistant {
			if given >= len(script) {
				return answer{}, odd, fmt.Errorf("task %d: more answers than were given", task)
			}
			if err := equal(script[given], m); err != nil {
				return answer{}, odd, fmt.Errorf("task %d, answer %d: %w", task, given, err)
			}
			given++
			continue
		}
		for k, r := range m.ToolResults {
			if err := plausible(q.Messages[i-1].ToolCalls, r); err != nil {
				odd = append(odd, fmt.Errorf("task %d, result %d after answer %d: %w", task, k, given-1, err))
			}
		}
		if m.Text == "" {
			continue
		}
		n, ok := taskOf(m.Text)
		if !ok && strings.Contains(m.Text, note) {
			continue // between people
		}
		if !ok {
			return answer{}, odd, fmt.Errorf("a message that nobody sent: %q", m.Text)
		}
		if given < len(script) {
			odd = append(odd, fmt.Errorf("task %d: %d answers of %d before the next message", task, given, len(script)))
		}
		if strings.Count(m.Text, "Task ") != 1 {
			odd = append(odd, fmt.Errorf("messages that were not answered each: %q", m.Text))
		}
		script, given, task = answers(n, counting), 0, n
	}
	if given >= len(script) {
		return answer{}, odd, fmt.Errorf("task %d is asked again after its last answer", task)
	}
	return script[given], odd, nil
}

func equal(want answer, got llm.Message) error {
	if got.Text != want.text() {
		return fmt.Errorf("the text is %q, was %q", got.Text, want.text())
	}
	if len(got.ToolCalls) != len(want.calls) {
		return fmt.Errorf("%d tool calls, were %d", len(got.ToolCalls), len(want.calls))
	}
	for i, c := range got.ToolCalls {
		if c.Name != want.calls[i].tool || !same(want.calls[i].input, string(c.Input)) {
			return fmt.Errorf("tool call %d is %s(%s)", i, c.Name, c.Input)
		}
	}
	return nil
}

// plausible holds a tool's result to what it may be: only a call that may not be
// repeated may have been interrupted.
func plausible(calls []llm.ToolCall, r llm.ToolResult) error {
	i := slices.IndexFunc(calls, func(c llm.ToolCall) bool { return c.ID == r.CallID })
	if i < 0 {
		return fmt.Errorf("a result of no call, %s", r.CallID)
	}
	if r.IsError && calls[i].Name != countOnce {
		return fmt.Errorf("%s failed: %s", calls[i].Name, r.Text)
	}
	if text, _ := quoted.Text(r.Text); text == "" {
		return fmt.Errorf("%s has an empty result", calls[i].Name)
	}
	return nil
}
