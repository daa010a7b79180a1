package crewtest

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/zeblit/zeblit/internal/llm/llmtest"
)

// What the crew says to each other. Mail goes from the task that designs the data to the
// one that decides how, which is worked on at the same time and doesn't begin before it has
// it; MailUp goes to the manager, who waits; Question is put by who writes the page, and
// Told is what comes back.
const (
	Mail     = "A task has a title and no more."
	MailUp   = "It is going to be started by make."
	Question = "Which table has the tasks?"
	Told     = "It is the table task."
)

// reads is the title of the task that waits for Mail, and idles is what it calls while it
// has none.
const (
	reads = "Decide how"
	idles = "list_files"
)

// Crew plays the agents of any number of projects, which have different names.
type Crew struct {
	mu     sync.Mutex
	mailed map[string]chan struct{} // by project; closed once Mail is sent
}

// New is a crew that has said nothing so far.
func New() *Crew { return &Crew{mailed: map[string]chan struct{}{}} }

var projectName = regexp.MustCompile(`the project "([^"]*)"`)

// sent is closed once the Mail of a request's project is there; now closes it.
func (c *Crew) sent(q llmtest.Request, now bool) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	name := projectName.FindString(q.System)
	ch := c.mailed[name]
	if ch == nil {
		ch = make(chan struct{})
		c.mailed[name] = ch
	}
	select {
	case <-ch:
	default:
		if now {
			close(ch)
		}
	}
	return ch
}

// words is the answer where it is about what agents say to each other; nil: it is not.
func (c *Crew) words(q llmtest.Request, title string) llmtest.Reply {
	for _, r := range q.Results() {
		switch {
		case strings.HasPrefix(r.Text, "Sent to the System Architect"):
			c.sent(q, true)
		case r.IsError && (title == "Design the data" || title == "Write the page"):
			return refuse(r.Text)
		}
	}
	switch {
	case title == "" && heard(q, Question) == 1:
		return llmtest.Reply{llmtest.Say(Told)}
	case title == reads && heard(q, Mail) == 0:
		return llmtest.Reply{llmtest.Wait(c.sent(q, false)), llmtest.Call(idles, input{})}
	}
	return nil
}

// misheard says what an agent has been told more than once.
func misheard(q llmtest.Request) string {
	for _, text := range []string{Mail, MailUp, Question} {
		if n := heard(q, text); n > 1 {
			return fmt.Sprintf("%q stands in a transcript %d times", text, n)
		}
	}
	return ""
}

// heard is how often a transcript has the words of another agent.
func heard(q llmtest.Request, text string) (n int) {
	for _, m := range q.Messages {
		n += strings.Count(m.Text, "]\n"+text+"\n[end of words ")
	}
	return n
}

func mails(to, text string) turn { return calls("send_message", input{"to": to, "text": text}) }

var asksAgent = calls("ask_agent", input{"agent": "data-analyst", "question": Question})
