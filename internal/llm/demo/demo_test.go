package demo_test

import (
	"context"
	"errors"
	"fmt"
	"go/format"
	"path"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/demo"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
)

func TestBuildsATodoList(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	last := p.ask("Build a to-do list called \"Trips & <Treats>\"")
	require.Equal(t, []string{"list_files", "write_file index.html", "write_file style.css", "write_file app.js"}, p.calls)
	require.Len(t, p.says, 3)
	for _, f := range p.names() {
		require.Contains(t, last, "`"+f+"`")
	}
	require.Contains(t, last, "ANTHROPIC_API_KEY")

	page := p.files["index.html"]
	require.Contains(t, page, "<h1>Trips &amp; &lt;Treats&gt;</h1>")
	require.Contains(t, page, `<script src="app.js" defer>`)
	require.Contains(t, p.files["app.js"], "localStorage")
	for name, text := range p.files {
		require.NotContains(t, text, "{{", name)
		require.NotContains(t, text, "http:", name)
		require.NotContains(t, text, "https:", name)
	}
}

func TestWhatIsBuilt(t *testing.T) {
	t.Parallel()
	for request, want := range map[string]struct {
		files string // in order, with their folder
		title string
	}{
		"Build me a simple counter, please":                         {"app.js index.html style.css", "Counter"},
		"I need a calculator":                                       {"app.js index.html style.css", "Calculator"},
		"pomodoro timer":                                            {"app.js index.html style.css", "Pomodoro timer"},
		"Build notes":                                               {"app.js index.html style.css", "Notes"},
		"make me a quiz about geography":                            {"app.js index.html style.css", "Geography"},
		"landing page for a coffee shop":                            {"index.html style.css", "Coffee shop"},
		"Make a portfolio site for Ada Lovelace":                    {"index.html style.css", "Ada Lovelace"},
		"I want a blog about gardening":                             {"index.html style.css", "Gardening"},
		"Create a snake game":                                       {"index.html style.css", "Snake game"},
		"Build something":                                           {"index.html style.css", "Something"},
		"Build a page titled Hello World and add a section on cats": {"index.html style.css", "Hello World"},
		"Write a Python program that prints Fibonacci numbers":      {"main.py", ""},
		"Write a Go CLI to track tasks":                             {"go.mod main.go", ""},
		"write hello world in hello.py":                             {"hello.py", ""},
		"Build a REST API for books":                                {"README.md server.py", ""},
		"Please add a README":                                       {"README.md", ""},
		"Add a login page":                                          {"index.html style.css", "Login page"},
		"Create web/page.html, a quiz":                              {"web/app.js web/page.html web/style.css", "Quiz"},
		"write a page in HTML/CSS":                                  {"index.html style.css", "Page"},
		// folders
		"Build a to-do list in the folder shop":                  {"shop/app.js shop/index.html shop/style.css", "To-do list"},
		"Create a todo app in a folder called `shop`":            {"shop/app.js shop/index.html shop/style.css", "Todo app"},
		"Build a to-do list in the folder \"my shop\", with joy": {"my-shop/app.js my-shop/index.html my-shop/style.css", "To-do list"},
		"Build a calculator in the shop folder":                  {"shop/app.js shop/index.html shop/style.css", "Calculator"},
		"make a counter under src/todo":                          {"src/todo/app.js src/todo/index.html src/todo/style.css", "Counter"},
		"Write docs in docs/":                                    {"docs/README.md", ""},
		"build a timer in the same folder":                       {"app.js index.html style.css", "Timer"},
		// no way out
		"Make a counter in ../x":                           {"x/app.js x/index.html x/style.css", "Counter"},
		"Make a counter in ../../etc/passwd/":              {"etc/passwd/app.js etc/passwd/index.html etc/passwd/style.css", "Counter"},
		"Make a counter in the folder /srv/../www":         {"srv/www/app.js srv/www/index.html srv/www/style.css", "Counter"},
		"Make a counter in the folder ..":                  {"app.js index.html style.css", "Counter"},
		"Make a counter in the folder .git/hooks":          {"git/hooks/app.js git/hooks/index.html git/hooks/style.css", "Counter"},
		"Make a counter in the folder `..\\..\\windows\\`": {"windows/app.js windows/index.html windows/style.css", "Counter"},
		"Create ../../hello.txt containing hi":             {"hello.txt", ""},
	} {
		t.Run(request, func(t *testing.T) {
			t.Parallel()
			p := newProject(t)
			last := p.ask(request)
			require.Equal(t, want.files, strings.Join(p.names(), " "))
			for name, text := range p.files {
				require.Contains(t, last, name)
				switch path.Ext(name) {
				case ".html":
					require.Contains(t, text, "<title>"+want.title+"</title>")
				case ".go":
					formatted, err := format.Source([]byte(text))
					require.NoError(t, err)
					require.Equal(t, string(formatted), text)
				}
			}
		})
	}
}

func TestWritesWhatIsDictated(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.ask("Create a file notes/hello.txt with the text \"Hello <there>\".")
	require.Equal(t, map[string]string{"notes/hello.txt": "Hello <there>\n"}, p.files)
	p.ask("Create notes/hello.txt containing exactly: bye")
	require.Equal(t, map[string]string{"notes/hello.txt": "bye\n"}, p.files)
	require.Contains(t, p.calls, "read_file notes/hello.txt", "it reads what it overwrites")
}

func TestNothingIsOverwritten(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.ask("Build a to-do list")
	before := p.files["index.html"]
	p.ask("Build a calculator")
	p.ask("Build a calculator")
	require.Equal(t, before, p.files["index.html"])
	require.Contains(t, p.files, "calculator/index.html")
	require.Contains(t, p.files, "calculator-2/index.html")
}

func TestChanges(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.ask("Build a to-do list in the folder shop")
	change := func(request, file string, edits int, want string) string {
		t.Helper()
		p.calls = nil
		before := len(p.files)
		last := p.ask(request)
		calls := []string{"list_files", "read_file " + file}
		for range edits {
			calls = append(calls, "edit_file "+file)
		}
		require.Equal(t, calls, p.calls, request)
		require.Contains(t, p.files[file], want, request)
		require.Len(t, p.files, before)
		return last
	}
	last := change("make the title Groceries", "shop/index.html", 2, "<h1>Groceries</h1>")
	require.Contains(t, last, "Groceries")
	require.Contains(t, p.files["shop/index.html"], "<title>Groceries</title>")
	change("rename it to Sweets & more", "shop/index.html", 2, "<h1>Sweets &amp; more</h1>")
	change("Change the heading to \"My <b>day</b>\".", "shop/index.html", 2, "<title>My &lt;b&gt;day&lt;/b&gt;</title>")
	change("change the colour to green", "shop/style.css", 1, "--accent: #15803d;\n  --on-accent: #ffffff;")
	change("Please make it yellow", "shop/style.css", 1, "--on-accent: #1b1f2a;")
	change("make the buttons #0af", "shop/style.css", 1, "--accent: #00aaff;")
	change("add a section about opening hours", "shop/index.html", 1, "<h2>Opening hours</h2>")
	change("replace “What needs to be done?” with \"What to buy?\"", "shop/index.html", 1, `placeholder="What to buy?"`)
	require.Contains(t, change("make the title My <b>day</b>", "shop/index.html", 0, ""), "already")
	require.Contains(t, change("replace unicorns with horses", "shop/index.html", 0, ""), "changed nothing")

	p.calls = nil
	for _, beyond := range []string{"remove the footer", "fix the login bug", "add a dark mode toggle"} {
		last = p.ask(beyond)
		require.Contains(t, last, "more than I can do")
		for _, how := range []string{"ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENAI_BASE_URL"} {
			require.Contains(t, last, how)
		}
	}
	require.Equal(t, []string{"list_files", "list_files", "list_files"}, p.calls)

	empty := newProject(t)
	require.Contains(t, empty.ask("make the title Groceries"), "no page here yet")
	require.Empty(t, empty.files)
}

func TestChangeWithoutAnEditTool(t *testing.T) {
	t.Parallel()
	p := newProject(t, "list_files", "read_file", "write_file")
	p.ask("Build a counter")
	p.ask("make the title Steps")
	require.Contains(t, p.files["index.html"], "<h1>Steps</h1>")
	require.Contains(t, p.files["index.html"], "<title>Steps</title>")
}

func TestRefusedToolsAreTriedAgainOnce(t *testing.T) {
	t.Parallel()
	conflict := func(tool, file string, times int) func(string, string, int) string {
		return func(t, f string, n int) string {
			if t == tool && f == file && n <= times {
				return "conflict: the file has changed\nmore"
			}
			return ""
		}
	}
	p := newProject(t)
	p.fail = conflict("write_file", "style.css", 1)
	last := p.ask("Build a counter")
	require.Len(t, p.files, 3)
	require.Equal(t, []string{"read_file style.css", "write_file style.css"}, p.calls[4:])
	require.NotContains(t, last, "could not")

	p = newProject(t)
	p.fail = conflict("write_file", "style.css", 9)
	last = p.ask("Build a counter")
	require.Len(t, p.files, 2)
	require.Contains(t, last, "- `style.css`: conflict: the file has changed\n")

	p = newProject(t)
	p.ask("Build a counter")
	p.fail = conflict("edit_file", "index.html", 1)
	p.ask("make the title Steps")
	require.Contains(t, p.files["index.html"], "<title>Steps</title>")
	p.seen = map[string]int{}
	p.fail = conflict("edit_file", "index.html", 9)
	require.Contains(t, p.ask("make the title Miles"), "refused twice")

	p.seen = map[string]int{}
	p.fail = conflict("read_file", "index.html", 9)
	require.Contains(t, p.ask("make the title Miles"), "couldn't read")
	p.fail = conflict("list_files", "", 9)
	p.ask("Build a counter in x/")
	require.Contains(t, p.files, "x/index.html", "a folder that can't be listed is new")
}

func TestWithoutTools(t *testing.T) {
	t.Parallel()
	for _, tools := range [][]string{nil, {"list_files", "read_file"}, {"run_command"}} {
		req := llmtest.Ask("Build a to-do list")
		for _, name := range tools {
			req.Tools = append(req.Tools, llmtest.Tool(name))
		}
		res, _, err := llmtest.Collect(t.Context(), demo.New(demo.Options{}), req)
		require.NoError(t, err)
		require.Empty(t, res.ToolCalls)
		require.Equal(t, llm.StopEnd, res.StopReason)
		require.True(t, strings.HasPrefix(res.Text, demo.Label))
		require.Contains(t, res.Text, "To-do list")
	}
	p := newProject(t, "write_file")
	p.ask("Build a to-do list")
	require.Len(t, p.files, 3, "it needn't look first")
}

func TestTalk(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	for _, words := range []string{"hello", "What can you do?", "thanks!", "?"} {
		require.Contains(t, p.ask(words), "Ask me to build something small")
	}
	require.Empty(t, p.calls)
}

func TestIsDeterministic(t *testing.T) {
	t.Parallel()
	run := func() *project {
		p := newProject(t)
		p.ask("Build a blog about bees in the folder hive")
		p.ask("change the colour to amber")
		return p
	}
	require.Equal(t, run().req, run().req)
}

// Whatever is asked, it ends, stays inside the project and labels what it says.
func TestAnyRequest(t *testing.T) {
	t.Parallel()
	words := rapid.SampledFrom([]string{
		"build", "make", "add", "change", "the", "title", "to", "green", "a", "to-do", "list", "in", "folder", "../..", "/etc/", ".", "shop/",
		"index.html", "with", "text", "\"", "“", "`", "<b>", "replace", "\n", "called", "for", "python", "go", "#fff", "ü", "{{.Title}}", "*/", "section", "about", "rename", "..\\", "\x00",
	})
	rapid.Check(t, func(rt *rapid.T) {
		p := newProject(t)
		for range rapid.IntRange(1, 3).Draw(rt, "messages") {
			p.ask("x" + strings.Join(rapid.SliceOfN(words, 1, 9).Draw(rt, "words"), " "))
			p.ask(strings.Join(rapid.SliceOfN(words, 1, 9).Draw(rt, "words"), " ") + " x")
		}
	})
}

func TestPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		res, got, err := llmtest.Collect(t.Context(), demo.New(demo.Options{Pace: demo.DefaultPace}), llmtest.Ask("hello"))
		require.NoError(t, err)
		require.Equal(t, res.Text, strings.Join(got, ""))
		require.Equal(t, len(strings.Fields(res.Text)), len(got))
		require.Equal(t, time.Duration(len(got))*demo.DefaultPace, time.Since(began))

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, _, err = llmtest.Collect(ctx, demo.New(demo.Options{Pace: time.Hour}), llmtest.Ask("hello"))
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestOnTextErrorEndsIt(t *testing.T) {
	t.Parallel()
	stop := errors.New("stop")
	_, err := demo.New(demo.Options{}).Stream(t.Context(), llmtest.Ask("hello"), func(string) error { return stop })
	require.Same(t, stop, err)
}

func Example() {
	res, _ := demo.New(demo.Options{}).Stream(context.Background(), llm.Request{
		Messages: []llm.Message{{Role: llm.RoleUser, Text: "Build a counter in the folder shop"}},
		Tools:    []llm.Tool{{Name: "list_files"}, {Name: "write_file"}},
	}, func(string) error { return nil })
	fmt.Println(res.Text)
	fmt.Println(res.ToolCalls[0].Name, string(res.ToolCalls[0].Input))
	// Output:
	// Demo model (offline, no AI): I'll make a counter that keeps its value in the browser called “Counter” in the folder `shop`. First I look at the files that are there.
	// list_files {"path":"shop"}
}
