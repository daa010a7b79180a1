package terminal_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/client"
	"github.com/zeblit/zeblit/internal/terminal"
)

func events() []client.Event {
	write := client.ToolCall{ID: "tcl_1", Name: "write_file", Input: `{"path":"index.html","text":"…"}`}
	done, failed := write, write
	done.State, done.Output = "DONE", "wrote index.html\nand more"
	failed.State, failed.Output = "FAILED", ""
	interrupted := client.Event{Type: "MessageCompleted"}
	interrupted.Message.ID, interrupted.Message.Status = "msg_1", "INTERRUPTED"
	return []client.Event{
		{Type: "RunStateChanged", State: "RUNNING"},
		{Type: "MessageDelta", MessageID: "msg_1", Text: "Hel"},
		interrupted,
		{Type: "MessageDelta", MessageID: "msg_2", Text: "Hello, \x1b["},
		{Type: "MessageDelta", MessageID: "msg_2", Text: "2Jworld"},
		{Type: "ToolCallStarted", ToolCall: write},
		{Type: "FileChanged", Path: "index.html", Change: "CREATED"},
		{Type: "FileChanged", Path: "gone.txt", Change: "DELETED"},
		{Type: "ToolCallFinished", ToolCall: done},
		{Type: "ToolCallFinished", ToolCall: failed},
		{Type: "BudgetReached", Text: "80 % of the project's budget are spent."},
		{Type: "MessageDelta", MessageID: "msg_3", Text: "Done."},
		{Type: "RunStateChanged", Run: client.Run{Error: "nothing"}, State: "SUCCEEDED"},
	}
}

func TestTranscriptShowsARun(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	show := terminal.NewTranscript(&out, terminal.Style{}, false)
	show.Begin(client.Run{ID: "run_1", State: "QUEUED"})
	for _, e := range events() {
		require.False(t, show.Run().Ended())
		show.Event(e)
		show.Tick() // without a spinner it does nothing
	}
	require.True(t, show.Run().Ended())
	require.Equal(t, client.Run{ID: "run_1", State: "SUCCEEDED", Error: "nothing"}, show.Run())
	require.Equal(t, []string{"index.html"}, show.Written())
	show.Files([]client.File{{Path: "index.html", Size: 2048}})
	require.Equal(t, `Hel
  (interrupted)
Hello, world
  → write_file index.html
  ✓ wrote index.html …
  ✗
  80 % of the project's budget are spent.
Done.

Files written:
  index.html  2.0 KiB
`, out.String())

	out.Reset()
	show.Begin(client.Run{ID: "run_2"})
	require.Empty(t, show.Written(), "the next run begins anew")
	show.Event(client.Event{Type: "StreamReset"})
	show.Event(client.Event{Type: "MessageDelta", MessageID: "msg_4", Text: "half a "})
	show.Note("[connection lost; resuming]")
	show.Event(client.Event{Type: "MessageDelta", MessageID: "msg_4", Text: "sentence"})
	show.Files(nil)
	require.Equal(t, `  (some of the answer can't be shown any more)
half a 
[connection lost; resuming]
sentence

No files were written.
`, out.String())

	out.Reset()
	third := client.Run{ID: "run_3"}
	third.Project.ID = "prj_1"
	show.Begin(third)
	show.Event(client.Event{Type: "RunStateChanged", State: "WAITING_FOR_AGENTS"})
	show.Files(nil)
	require.Contains(t, out.String(), "What the other agents wrote is in the project: zeblit files ls --project prj_1\n")
	out.Reset()
	show.Begin(client.Run{ID: "run_4"})
	show.Files(nil)
	require.Contains(t, out.String(), "No files were written.")
}

func TestColoursAndTheSpinnerLeaveTheSameText(t *testing.T) {
	for name, value := range map[string]string{"NO_COLOR": "", "TERM": "xterm"} {
		t.Setenv(name, value)
	}
	var out bytes.Buffer
	show := terminal.NewTranscript(&out, terminal.NewStyle(true), true)
	show.Begin(client.Run{ID: "run_1"})
	for _, e := range events() {
		show.Tick()
		show.Event(e)
	}
	show.Tick()
	show.End()
	require.Contains(t, out.String(), "\x1b[32m✓\x1b[0m")
	require.Contains(t, out.String(), "\r\x1b[K")
	shown := terminal.Clean(out.String())
	for _, frame := range "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏" {
		shown = strings.ReplaceAll(shown, string(frame), "")
	}
	require.Equal(t, "Hel\n  (interrupted)\nHello, world\n  → write_file index.html\n  ✓ wrote index.html …\n  ✗ \n  80 % of the project's budget are spent.\nDone.\n", strings.ReplaceAll(shown, "✗\n", "✗ \n"))

	t.Setenv("NO_COLOR", "1")
	require.Equal(t, "x", terminal.NewStyle(true).Red("x"))
	t.Setenv("NO_COLOR", "")
	require.Equal(t, "\x1b[31mx\x1b[0m", terminal.NewStyle(true).Red("x"))
	require.Equal(t, "x", terminal.NewStyle(false).Red("x"))
	t.Setenv("TERM", "dumb")
	require.Equal(t, "x", terminal.NewStyle(true).Red("x"))
}

func TestTable(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, terminal.Table(&out, [][]string{
		{"ID", "NAME", "WHEN"}, {"prj_1", "Zürich\x1b[2J", ""}, {"p", "two\nlines", "now"},
	}))
	require.Equal(t, "ID     NAME       WHEN\nprj_1  Zürich\np      two lines  now\n", out.String())
}

func TestWords(t *testing.T) {
	t.Parallel()
	require.Equal(t, "abc", terminal.Shorten(" abc \n", 3))
	require.Equal(t, "abc …", terminal.Shorten("abcd", 3))
	require.Equal(t, "ab …", terminal.Shorten("ab\ncd", 3))
	require.Equal(t, "…", terminal.Shorten("\x1b[1m\nx", 3))
	require.Equal(t, "1 byte", terminal.Size(1))
	require.Equal(t, "1023 bytes", terminal.Size(1023))
	require.Equal(t, "1.5 KiB", terminal.Size(1536))
	require.Equal(t, "2.0 MiB", terminal.Size(2<<20))
	require.Regexp(t, `^20\d\d-\d\d-\d\d \d\d:\d\d$`, terminal.Time(time.Now()))
}

func TestPromptReadsLinesFromAPipe(t *testing.T) {
	t.Parallel()
	p := terminal.NewPrompt(strings.NewReader("one\ntwo"), nil, terminal.Style{})
	for _, want := range []string{"one", "two"} {
		line, err := p.Read()
		require.NoError(t, err)
		require.Equal(t, want, line)
	}
	_, err := p.Read()
	require.ErrorContains(t, err, "EOF")
	_, err = terminal.NewPrompt(strings.NewReader(strings.Repeat("x", 2<<20)), nil, terminal.Style{}).Read()
	require.ErrorContains(t, err, "too long")
	p.Restore()
}
