// Package crewtest is a scripted crew for tests: a model that plays each of the agents,
// whatever order their calls come in. A request becomes a plan of eight tasks for six roles
// below the manager; two of them change the same file, one is shown only at its second try,
// two try what their roles may not do, one asks people something and one needs their leave.
// They speak to each other: see words.go.
package crewtest

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
)

// Request is what the crew is asked for.
const Request = "Build a to-do list"

// TwiceTried is the title of the task that is shown at its second try.
const TwiceTried = "Write the server"

// Allowed is a command that people have to allow, since nobody can tell what it does before
// it runs.
const Allowed = `line="sh sum.sh 1 2"; eval "$line"`

// Answer is what people answer to the crew's one question.
const Answer = "In a database"

// Files are what it comes to on main.
var Files = map[string]string{
	"docs/spec.md":           "# To-do list\n",
	"docs/user-stories.json": `[{"id":"US1","title":"Add","story":"As somebody busy I want to write down what is to do","priority":"MUST","criteria":["it is in the list"]}]` + "\n",
	"docs/decisions.json":    `[{"id":"D1","title":"Parts","decision":"One process","because":"it is small","alternatives":["services"]}]` + "\n",
	"docs/architecture.md":   "# One process\n",
	"db/schema.sql":          "CREATE TABLE task (id INTEGER PRIMARY KEY, title TEXT NOT NULL);\n",
	"sum.sh":                 "echo $(($1 + $2))\n",
	"README.md":              readme,
	"index.html":             "<h1>To-do</h1>\n",
	"Makefile":               "run:\n\tsh sum.sh 1 2\n",
}

// readme is what the manager decides where two tasks wrote one each.
const readme = "# To-do\n\nsh sum.sh, and open index.html\n"

type input = map[string]any

// turn is one answer of a script.
type turn func(llmtest.Request) llmtest.Reply

func says(text string) turn {
	return func(llmtest.Request) llmtest.Reply { return llmtest.Reply{llmtest.Say(text)} }
}

func calls(tool string, in input) turn {
	return func(llmtest.Request) llmtest.Reply { return llmtest.Reply{llmtest.Call(tool, in)} }
}

func writes(path string) turn { return writesText(path, Files[path]) }

func writesText(path, text string) turn {
	return calls("write_file", input{"path": path, "text": text})
}

func runs(line string) turn { return calls("run_command", input{"shell": line}) }

func showsFile(path string) turn {
	return calls("show_criterion", input{"criterion": 1, "files": []string{path}, "note": path + " has it"})
}

func showsWords(note string) turn {
	return calls("show_criterion", input{"criterion": 1, "note": note})
}

var commandID = regexp.MustCompile(`Exit status \d+\. \((cmd_[a-z0-9]+)\)`)

// showsCommand shows the criterion by the command whose result came last.
func showsCommand(q llmtest.Request) llmtest.Reply {
	id := ""
	for _, m := range q.Messages {
		for _, r := range m.ToolResults {
			if found := commandID.FindStringSubmatch(r.Text); found != nil {
				id = found[1]
			}
		}
	}
	return llmtest.Reply{llmtest.Call("show_criterion", input{"criterion": 1, "command_id": id, "note": "it passes"})}
}

var asks = calls("ask_user", input{"question": "Where is the list to be kept?", "choices": []string{Answer, "In a file"}})

const sumTest = `test "$(sh sum.sh 2 3)" = 5`

// scripts are the answers of each task's agent, by its title.
var scripts = map[string][]turn{
	"Say what is wanted": {asks, writes("docs/spec.md"), writesText("docs/user-stories.json", `[{"id":"US1"}]`), writes("docs/user-stories.json"), showsFile("docs/spec.md"), says("The specification is there.")},
	"Decide how":         {writes("docs/architecture.md"), writes("docs/decisions.json"), showsFile("docs/architecture.md"), says("One process.")},
	"Design the data":    {mails("architect", Mail), writes("db/schema.sql"), showsFile("db/schema.sql"), says("One table.")},
	TwiceTried: {
		writesText("sum.sh", "echo $(($1 * $2))\n"), writesText("README.md", "# To-do\n\nsh sum.sh\n"), runs(sumTest), says("It is written; its test fails."),
		writes("sum.sh"), runs(sumTest), showsCommand, says("The test passes now."),
	},
	"Write the page": {asksAgent, writes("index.html"), writesText("README.md", "# To-do\n\nOpen index.html\n"), showsFile("index.html"), says("The page is there.")},
	"Package it":     {mails("manager", MailUp), writes("Makefile"), runs(Allowed), showsCommand, says("make run")},
	"Look for security flaws in what was built": {
		writesText("evil.sh", "rm -rf /\n"), calls("run_command", input{"shell": "touch evil"}), showsWords("Read all files; nothing found."), says("No flaws found."),
	},
	"Compare what was built with what was asked for": {writesText("server.js", "x"), showsWords("All is there."), says("All is there.")},
}

func task(key, title, role, criterion string, needs ...string) input {
	return input{
		"key": key, "title": title, "description": "Do it.", "role": role, "criteria": []string{criterion}, "depends_on": append([]string{}, needs...),
	}
}

var plan = input{
	"summary": "A to-do list.",
	"tasks": []input{
		task("spec", "Say what is wanted", "product-manager", "docs/spec.md says it"),
		task("arch", "Decide how", "architect", "docs/architecture.md says it", "spec"),
		task("data", "Design the data", "data-analyst", "db/schema.sql is there", "spec"),
		task("server", TwiceTried, "engineer", "its test passes", "arch", "data"),
		task("page", "Write the page", "engineer", "index.html is there", "arch", "data"),
		task("package", "Package it", "platform-engineer", "it runs", "server", "page"),
	},
}

// Reply is the crew's answer.
func (c *Crew) Reply(q llmtest.Request) llmtest.Reply {
	if wrong := misheard(q); wrong != "" {
		return refuse(wrong)
	}
	if strings.HasPrefix(q.System, "You are the Project Manager") {
		return manager(q)
	}
	title := ""
	for _, m := range q.Messages {
		if after, found := strings.CutPrefix(m.Text, "Your task: "); found {
			title, _, _ = strings.Cut(after, "\n")
		}
	}
	if reply := c.words(q, title); reply != nil {
		return reply
	}
	script, at := scripts[title], progress(q)
	if at >= len(script) {
		return refuse(fmt.Sprintf("%q has no answer %d", title, at))
	}
	return script[at](q)
}

func refuse(why string) llmtest.Reply {
	return llmtest.Reply{llmtest.Refuse(400, "invalid_request_error", why)}
}

// progress is how many answers of the script have been given that need not be given again:
// a command that was cut off is run once more.
func progress(q llmtest.Request) (n int) {
	for i, m := range q.Messages {
		if m.Role != llm.RoleAssistant {
			continue
		}
		n++
		for _, c := range m.ToolCalls {
			if c.Name == idles || c.Name == "run_command" && i+1 < len(q.Messages) && cutOff(q.Messages[i+1].ToolResults) {
				n--
			}
		}
	}
	return n
}

// cutOff says that nobody knows whether a command ended; a refusal is an end.
func cutOff(results []llm.ToolResult) bool {
	for _, r := range results {
		if strings.Contains(r.Text, "interrupted") || strings.Contains(r.Text, "not known how far") {
			return true
		}
	}
	return false
}

var blocked = regexp.MustCompile(`(?m)^(\d+)\. .*BLOCKED; merging its branch`)

func manager(q llmtest.Request) llmtest.Reply {
	if q.Turn() == 0 {
		return llmtest.Reply{llmtest.Say("I plan it. "), llmtest.Call("create_plan", plan)}
	}
	report := ""
	for _, r := range q.Results() {
		report += r.Text
	}
	if found := blocked.FindStringSubmatch(report); found != nil {
		return llmtest.Reply{llmtest.Call("resolve_conflict", input{
			"task": int(found[1][0] - '0'), "files": []input{{"path": "README.md", "text": readme}},
		})}
	}
	switch {
	case q.Turn() > 12, strings.Contains(report, "FAILED"):
		return refuse(report)
	case strings.Contains(report, "All is done"):
		if heard(q, MailUp) != 1 {
			return refuse("the manager has not seen its mail")
		}
		return llmtest.Reply{llmtest.Say("The to-do list is built and its test passes.")}
	}
	return llmtest.Reply{llmtest.Call("wait_for_tasks", input{})}
}
