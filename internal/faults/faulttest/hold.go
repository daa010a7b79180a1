package faulttest

import (
	"regexp"
	"strings"
	"time"

	"github.com/zeblit/zeblit/internal/llm/llmtest"
)

// hold is a conversation with the model that stands still: each answer begins and waits
// until the test lets it go on, or its run is stopped. Its messages are notes to the
// judge, who expects no answer to them.
type hold struct {
	tag string
	// asked is told the text of each request, and left when the model's connection was
	// closed: both are roomy, so that the model never waits.
	asked   chan string
	left    chan time.Time
	proceed chan struct{} // closing it lets the first answer end, with a tool call
	replies int
}

const roomy = 16

var tagged = regexp.MustCompile(`\(hold ([A-Z0-9]+)\)`)

// text is a message that the model answers by standing still.
func (h *hold) text(words string) string { return note + " " + words + " (hold " + h.tag + ")" }

// newHold makes one. tag must be unique and of capital letters and digits.
func (m *Model) newHold(tag string) *hold {
	h := &hold{tag: tag, asked: make(chan string, roomy), left: make(chan time.Time, roomy), proceed: make(chan struct{})}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.holds[tag] = h
	return h
}

// holding finds the one that a request belongs to, and notes the request.
func (m *Model) holding(text string) *hold {
	found := tagged.FindAllStringSubmatch(text, -1)
	if found == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	h := m.holds[found[len(found)-1][1]]
	if h != nil {
		h.replies++
		h.asked <- strings.TrimSpace(text)
	}
	return h
}

func (h *hold) reply() llmtest.Reply {
	release := h.proceed
	if h.replies > 1 {
		release = nil
	}
	left := func() { h.left <- time.Now() }
	return llmtest.Reply{llmtest.Say("I wait. "), llmtest.Hold(release, left), llmtest.Call("list_files", map[string]any{})}
}
