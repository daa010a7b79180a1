package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
)

// model does what the latest message tells it in a word with a number and a name:
//
//	SAY 1 a       says one token
//	TALK 300 a    says 300 tokens, 50 a second
//	TOOL 2 a      runs a command that takes 2 s, then says a token
//	TREE 310001 a runs a command whose processes don't end by themselves
//	CREW 310001 a makes a plan of three tasks that do so, and waits for them
//	WORK 50 a     says 50 tokens and uses a tool, three times, and says 50 more
//
// and notes when it was first asked with that name, and when its answer was all said.
type model struct {
	*llmtest.Server
	mu          sync.Mutex
	asked, said map[string]time.Time
}

// rate is how many tokens a second a model says.
const rate = 50

func newModel() *model {
	m := &model{asked: map[string]time.Time{}, said: map[string]time.Time{}}
	m.Server = llmtest.Start(llmtest.Func(m.reply))
	return m
}

// when is when the model was first asked with a name, and when that answer was all said;
// zero before.
func (m *model) when(name string) (asked, said time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.asked[name], m.said[name]
}

var order = regexp.MustCompile(`\b(SAY|TALK|TOOL|TREE|CREW|WORK) (\d+) ([a-z0-9]+)`)

// read finds the latest order, and how many answers came since.
func read(q llmtest.Request) (word string, n int, name string, answers int) {
	for _, message := range q.Messages {
		if message.Role == llm.RoleAssistant {
			answers++
			continue
		}
		if all := order.FindAllStringSubmatch(message.Text, -1); all != nil {
			last := all[len(all)-1]
			n, _ = strconv.Atoi(last[2])
			word, name, answers = last[1], last[3], 0
		}
	}
	return word, n, name, answers
}

func (m *model) reply(q llmtest.Request) llmtest.Reply {
	word, n, name, answers := read(q)
	m.mu.Lock()
	if _, before := m.asked[name]; !before {
		m.asked[name] = time.Now()
	}
	m.mu.Unlock()
	over := llmtest.Do(func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if _, before := m.said[name]; !before {
			m.said[name] = time.Now()
		}
	})
	command := func(line string) llmtest.Step {
		return llmtest.Call("run_command", map[string]any{"shell": line, "timeout_seconds": 600})
	}
	switch {
	case word == "TALK":
		return llmtest.Reply{llmtest.Slow(time.Second / rate), llmtest.Say(tokens(n)...), over}
	case word == "TOOL" && answers == 0:
		return llmtest.Reply{command(fmt.Sprintf("sleep %d # %s", n, name))}
	case word == "TREE" && answers == 0:
		return llmtest.Reply{command(tree(n))}
	case word == "CREW" && answers == 0:
		return llmtest.Reply{llmtest.Call("create_plan", plan(n))}
	case word == "WORK" && answers < len(works):
		return llmtest.Reply{llmtest.Slow(time.Second / rate), llmtest.Say(tokens(n)...), works[answers](name)}
	case word == "WORK":
		return llmtest.Reply{llmtest.Slow(time.Second / rate), llmtest.Say(tokens(n)...)}
	}
	return llmtest.Reply{llmtest.Say("ok"), over}
}

// works are the tools that WORK uses.
var works = []func(name string) llmtest.Step{
	func(name string) llmtest.Step {
		return llmtest.Call("write_file", map[string]any{"path": name + ".txt", "text": name + "\n"})
	},
	func(name string) llmtest.Step {
		return llmtest.Call("run_command", map[string]any{"shell": "cat " + name + ".txt"})
	},
	func(name string) llmtest.Step {
		return llmtest.Call("read_file", map[string]any{"path": name + ".txt"})
	},
}

func tokens(n int) []string { return strings.SplitAfter(strings.Repeat("token ", n), " ")[:n] }

// treeSize is how many processes of a tree have its number in their arguments.
const treeSize = 11

// tree is a command whose processes ignore all that can be ignored, below three shells and
// in a session of their own. The number is how long they sleep, in seconds: it tells them
// from all others of this machine.
func tree(n int) string {
	return fmt.Sprintf(`trap '' TERM INT HUP; for i in 1 2 3; do sh -c 'sleep %d & sleep %d & wait' & done; setsid sleep %d & wait`, n, n, n)
}

// plan is one of three tasks, which sleep n, n+1 and n+2 seconds.
func plan(n int) map[string]any {
	var tasks []map[string]any
	for i := range crew {
		tasks = append(tasks, map[string]any{
			"key": fmt.Sprintf("tree%d", i), "title": fmt.Sprintf("Task %d", i), "description": fmt.Sprintf("TREE %d task%d", n+i, n+i),
			"role": "engineer", "criteria": []string{"it is done"}, "depends_on": []string{},
		})
	}
	return map[string]any{"summary": "Three trees.", "tasks": tasks}
}

// crew is how many runs a manager has below it.
const crew = 3
