package demo_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/demo"
)

// draft is a task as the demo model plans it.
type draft struct {
	Key, Title, Description, Role string
	Criteria                      []string
	DependsOn                     []string `json:"depends_on"`
}

// crew is a project with the manager, and everybody else at work on the tasks.
type crew struct {
	t       *testing.T
	manager *project
	drafts  []draft
	files   map[string]string
	// ran is what run_command answers.
	ran    string
	shown  map[string]int // criteria by the task's title
	by     map[string]string
	report func() string // instead of having the tasks done
}

func newCrew(t *testing.T, files map[string]string) *crew {
	c := &crew{t: t, files: files, ran: "Exit status 0. (cmd_1)\nIt printed nothing.\n", shown: map[string]int{}, by: map[string]string{}}
	c.manager = newProject(t, "list_files", "read_file", "write_file", "edit_file", "create_plan", "wait_for_tasks", "update_task")
	c.manager.files = files
	c.manager.other = func(call llm.ToolCall) (string, bool) {
		switch call.Name {
		case "create_plan":
			var in struct {
				Summary string
				Tasks   []draft
			}
			require.NoError(t, json.Unmarshal(call.Input, &in))
			c.drafts = in.Tasks
		case "update_task":
			return "done", false
		}
		if c.report != nil {
			return c.report(), false
		}
		return c.work(), false
	}
	return c
}

// work has the tasks done one after the other, and is what the manager is told then.
func (c *crew) work() string {
	var report strings.Builder
	fmt.Fprintf(&report, "%d of %d tasks are completed.\n", len(c.drafts), len(c.drafts))
	for i, d := range c.drafts {
		fmt.Fprintf(&report, "\n%d. %s (%s): COMPLETED\n   %s\n", i+1, d.Title, d.Role, c.do(d))
	}
	return report.String() + "\nAll is done: report to the person who asked."
}

func (c *crew) do(d draft, more ...string) string {
	tools := []string{"list_files", "read_file", "show_criterion"}
	switch d.Role {
	case "security-engineer":
		tools = append(tools, "scan_secrets")
	case "engineer", "platform-engineer":
		tools = append(tools, "write_file", "edit_file", "run_command")
	default:
		tools = append(tools, "write_file", "edit_file")
	}
	p := newProject(c.t, tools...)
	p.files = c.files
	p.other = func(call llm.ToolCall) (string, bool) {
		switch call.Name {
		case "run_command":
			return c.ran, false
		case "scan_secrets":
			return "No secrets found.", false
		}
		require.Equal(c.t, "show_criterion", call.Name)
		var in struct {
			CommandID string `json:"command_id"`
			Files     []string
			Note      string
		}
		require.NoError(c.t, json.Unmarshal(call.Input, &in))
		require.NotEmpty(c.t, in.Note)
		c.shown[d.Title]++
		c.by[d.Title] = in.CommandID + strings.Join(in.Files, " ")
		return "criterion is shown", false
	}
	var brief strings.Builder
	fmt.Fprintf(&brief, "Your task: %s\n\n%s\n\nIt is done when these are shown, each with show_criterion:\n", d.Title, d.Description)
	for i, text := range d.Criteria {
		fmt.Fprintf(&brief, "%d. %s\n", i+1, text)
	}
	brief.WriteString("\nThe whole of it: a thing\n")
	last := p.ask(brief.String())
	for _, text := range more {
		last = p.ask(text)
	}
	return last
}

func TestTheCrewBuildsApartAndTogether(t *testing.T) {
	t.Parallel()
	c := newCrew(t, map[string]string{})
	last := c.manager.ask("Build a to-do list with a backend")
	roles := map[string]bool{}
	for _, d := range c.drafts {
		roles[d.Role] = true
		require.Equal(t, len(d.Criteria), c.shown[d.Title], d.Title)
	}
	require.Len(t, c.drafts, 8)
	require.Len(t, roles, 6)
	require.Equal(t, []string{
		".dockerignore", "Dockerfile", "Makefile", "README.md", "app.js", "db/schema.sql", "docs/architecture.md", "docs/spec.md",
		"index.html", "server.py", "style.css", "test_server.py",
	}, c.manager.names())
	for name, text := range c.files {
		require.NotContains(t, text, "<no value>", name)
		require.NotContains(t, text, "{{", name)
	}
	require.Equal(t, "cmd_1", c.by["Build the backend"])
	require.Equal(t, "docs/spec.md", c.by["Say what is wanted"])
	require.Contains(t, last, "7 of us worked on it; 8 of 8 tasks are done and shown")
	require.Contains(t, last, "open the preview")
	require.NotContains(t, last, "not run")
	require.Contains(t, c.files["app.js"], "api/items")

	need := map[string][]string{}
	for _, d := range c.drafts {
		need[d.Key] = d.DependsOn
	}
	require.Equal(t, need["backend"], need["page"], "they are built side by side")
}

func TestWhatTheCrewIsFor(t *testing.T) {
	t.Parallel()
	for request, tasks := range map[string]int{
		"Build a to-do list with a backend":               8,
		"Build a notes app":                               6,
		"Have the team build a calculator":                6,
		"Make a website and an API for it":                8,
		"Create a blog with a database":                   8,
		"Let the crew write a Python program":             6,
		"Build a landing page with a Dockerfile":          6,
		"Build a to-do list page":                         0,
		"Build a to-do list":                              0,
		"Build a REST API for books":                      0,
		"What can the team do?":                           0,
		"hello":                                           0,
		"Create app.txt containing an app and a database": 0,
		"make the title My app":                           0,
	} {
		t.Run(request, func(t *testing.T) {
			t.Parallel()
			c := newCrew(t, map[string]string{})
			c.manager.ask(request)
			require.Len(t, c.drafts, tasks)
		})
	}
}

func TestTheCrewOverwritesNothing(t *testing.T) {
	t.Parallel()
	c := newCrew(t, map[string]string{"index.html": "mine", "README.md": "# Mine\n"})
	c.manager.ask("Build a to-do list with a backend")
	require.Equal(t, "mine", c.files["index.html"])
	require.Equal(t, "# Mine\n", c.files["README.md"])
	for _, name := range []string{"to-do-list/index.html", "to-do-list/server.py", "to-do-list/Makefile", "docs/to-do-list/spec.md", "to-do-list/db/schema.sql"} {
		require.Contains(t, c.files, name)
	}

	c = newCrew(t, map[string]string{"README.md": "# Mine\n"})
	c.manager.ask("Build a to-do list with a backend")
	require.Contains(t, c.files["README.md"], "# Mine\n\n# To-do list")
}

func TestWhatCouldNotRunIsSaid(t *testing.T) {
	t.Parallel()
	for ran, why := range map[string]string{
		"refused.\ncommands can't run here: no sandbox\nIt printed nothing.\n":      "no sandbox",
		"Exit status 127. (cmd_1)\nWhat it printed (data):\nsh: python3: not found": "no such program",
	} {
		c := newCrew(t, map[string]string{})
		c.ran = ran
		last := c.manager.ask("Build a to-do list with a backend")
		require.Contains(t, last, "What was not run:")
		require.Contains(t, last, why)
		require.Equal(t, "server.py test_server.py", c.by["Build the backend"])
	}
	c := newCrew(t, map[string]string{})
	c.ran = "Exit status 1. (cmd_1)\nWhat it printed (data):\nFAILED"
	c.manager.ask("Build a to-do list with a backend")
	require.Zero(t, c.shown["Build the backend"], "a failed test shows nothing")
	require.Equal(t, 1, c.shown["Say what is wanted"])
	c.ran = "Exit status 0. (cmd_2)\n"
	for _, d := range c.drafts {
		if d.Key == "backend" {
			require.Contains(t, c.do(d, "Try again: not shown yet: 1. the tests pass"), "succeeds")
		}
	}
	require.Equal(t, "cmd_2", c.by["Build the backend"])
}

func TestTheManagerEndsWhatGoesWrong(t *testing.T) {
	t.Parallel()
	c := newCrew(t, map[string]string{})
	c.report = func() string { return "The plan was rejected, and nothing of it was begun. The reason: too big" }
	require.Contains(t, c.manager.ask("Build a notes app"), "too big")

	c = newCrew(t, map[string]string{})
	reports := []string{
		"1 of 3 tasks are completed.\n\n1. A (engineer): COMPLETED\n\n2. B (engineer): FAILED; after 3 tries, no\n   not shown: it works\n\n3. C (architect): BLOCKED; it needs task 2, which is FAILED\n",
		"1 of 3 tasks are completed.\n\n1. A (engineer): COMPLETED\n\n2. B (engineer): CANCELLED; no\n   not shown: it works\n\n3. C (architect): BLOCKED; it needs task 2, which is CANCELLED\n",
	}
	c.report = func() string {
		next := reports[0]
		reports = reports[1:]
		return next
	}
	last := c.manager.ask("Build a notes app")
	require.Equal(t, []string{"list_files", "create_plan", "update_task", "wait_for_tasks"}, c.manager.calls)
	require.Contains(t, last, "1 of 3 tasks")
	require.Contains(t, last, "B: not shown: it works")
	require.Contains(t, last, "C (architect): blocked")
}

func TestATaskThatAPersonMade(t *testing.T) {
	t.Parallel()
	c := newCrew(t, map[string]string{})
	last := c.do(draft{Title: "Build a counter", Description: "Big digits, please", Role: "engineer", Criteria: []string{"it counts", "it looks nice"}})
	require.True(t, strings.HasPrefix(last, demo.Label))
	require.Equal(t, 2, c.shown["Build a counter"])
	require.Equal(t, "index.html style.css app.js", c.by["Build a counter"])
}
