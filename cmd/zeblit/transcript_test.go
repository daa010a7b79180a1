package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTranscriptShowsOneRun(t *testing.T) {
	var out bytes.Buffer
	show := newTranscript(&out, "run_1")
	write := client.ToolCall{ID: "tcl_1", Name: "write_file", Input: `{"path":"index.html","text":"…"}`}
	done := write
	done.State, done.Output = "DONE", "wrote index.html\nand more"
	for _, e := range []client.Event{
		{Type: "MessageDelta", RunID: "run_2", MessageID: "msg_9", Text: "not mine"},
		{Type: "RunStateChanged", Run: client.Run{ID: "run_1"}, State: "RUNNING"},
		{Type: "MessageDelta", RunID: "run_1", MessageID: "msg_1", Text: "Hello, "},
		{Type: "MessageDelta", RunID: "run_1", MessageID: "msg_1", Text: "\x1b[2Jworld"},
		{Type: "ToolCallStarted", ToolCall: write},
		{Type: "FileChanged", Path: "index.html", Change: "CREATED"},
		{Type: "FileChanged", Path: "gone.txt", Change: "DELETED"},
		{Type: "ToolCallFinished", ToolCall: done},
		{Type: "MessageDelta", RunID: "run_1", MessageID: "msg_2", Text: "Done."},
		{Type: "RunStateChanged", Run: client.Run{ID: "run_2"}, State: "FAILED"},
		{Type: "RunStateChanged", Run: client.Run{ID: "run_1"}, State: "SUCCEEDED"},
	} {
		require.False(t, show.run.Ended())
		show.event(e)
	}
	require.True(t, show.run.Ended())
	require.Equal(t, []string{"index.html"}, show.written())
	show.files([]client.File{{Path: "index.html", Size: 2048}})
	require.Equal(t, `Hello, [2Jworld
  → write_file index.html
  ✓ wrote index.html …
Done.

Files written:
  index.html  2.0 KiB
`, out.String())
}

func TestNameFromTheRequest(t *testing.T) {
	require.Equal(t, "Build a to-do list page", nameFrom("Build a  to-do list page.\nWith colours."))
	require.Equal(t, "New project", nameFrom("!?"))
	long := nameFrom(strings.Repeat("wörter ", 30))
	require.LessOrEqual(t, len([]rune(long)), longestName+1)
	require.True(t, strings.HasSuffix(long, "wörter…"))
}

func TestChatFindsTheServer(t *testing.T) {
	t.Setenv("ZEBLIT_URL", "")
	t.Setenv("ZEBLIT_API_KEY", "")
	dir := t.TempDir()
	chat := func(args ...string) (int, string) {
		var out, errs bytes.Buffer
		code := run(append([]string{"chat", "--data-dir", dir}, args...), console{out: &out, err: &errs})
		return code, errs.String()
	}
	code, said := chat("hello")
	require.Equal(t, exitFailed, code)
	require.Contains(t, said, "make run")

	require.NoError(t, os.WriteFile(filepath.Join(dir, "owner.json"), []byte(`{"url":"http://127.0.0.1:1","apiKey":"zbl_x"}`), 0o600))
	code, said = chat("hello")
	require.Equal(t, exitFailed, code)
	require.Contains(t, said, "no server answers at http://127.0.0.1:1: start it with make run")

	code, said = chat("--url", "https://elsewhere.example", "hello")
	require.Equal(t, exitFailed, code)
	require.Contains(t, said, "is for another server")

	code, _ = chat(" ")
	require.Equal(t, exitUsage, code)
	code, _ = chat("--url", "ftp://x", "--api-key", "k", "hello")
	require.Equal(t, exitUsage, code)
	code, _ = chat("--no-such-flag", "hello")
	require.Equal(t, exitUsage, code)
}

func TestWrongSettingsEndWithTwo(t *testing.T) {
	var errs bytes.Buffer
	code := run([]string{"serve", "--addr", "x", "--sign-up", "maybe"}, console{out: &errs, err: &errs})
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs.String(), "2 settings are wrong")
	t.Setenv("DATABASE_URL", "")
	require.Equal(t, exitUsage, run([]string{"worker"}, console{out: &errs, err: &errs}))
}

func TestVersion(t *testing.T) {
	var out bytes.Buffer
	require.Equal(t, 0, run([]string{"version"}, console{out: &out, err: &out}))
	require.Contains(t, out.String(), "zeblit dev")
}
