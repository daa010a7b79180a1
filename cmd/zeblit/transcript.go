package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/zeblit/zeblit/internal/client"
)

// longestOutcome is how much of a tool's answer is shown, in characters.
const longestOutcome = 100

// transcript prints one run for a terminal as its events arrive.
type transcript struct {
	w       io.Writer
	runID   string
	run     client.Run
	message string // the message whose text is being printed
	fresh   bool   // the cursor is at the start of a line
	paths   map[string]bool
}

func newTranscript(w io.Writer, runID string) *transcript {
	return &transcript{w: w, runID: runID, fresh: true, paths: map[string]bool{}}
}

// event prints what concerns the run, and notes how the run stands.
func (t *transcript) event(e client.Event) {
	switch e.Type {
	case "MessageDelta":
		if e.RunID != t.runID {
			return
		}
		if t.message != e.MessageID {
			t.line()
			t.message = e.MessageID
		}
		t.print(printable(e.Text))
	case "MessageCompleted":
		if e.Message.ID == t.message && e.Message.Status == "INTERRUPTED" {
			t.note("(interrupted, trying again)")
		}
	case "ToolCallStarted":
		t.note(strings.TrimSpace("→ " + printable(e.ToolCall.Name) + " " + printable(e.ToolCall.Path())))
	case "ToolCallFinished":
		t.note(outcome(e.ToolCall))
	case "FileChanged":
		t.paths[e.Path] = e.Change != "DELETED"
	case "RunStateChanged":
		if e.Run.ID != t.runID {
			return
		}
		t.run = e.Run
		t.run.State = e.State
		switch e.State {
		case "WAITING_FOR_APPROVAL":
			t.note("(waits for an approval)")
		case "WAITING_FOR_INPUT":
			t.note("(waits for an answer)")
		case "PAUSED":
			t.note("(paused)")
		}
	case "StreamReset":
		t.note("(some of the answer can't be shown any more)")
	}
}

// written are the paths that were created or changed and not deleted since, sorted.
func (t *transcript) written() []string {
	var out []string
	for path, there := range t.paths {
		if there {
			out = append(out, path)
		}
	}
	slices.Sort(out)
	return out
}

// files ends the transcript.
func (t *transcript) files(files []client.File) {
	t.line()
	if len(files) == 0 {
		t.print("\nNo files were written.\n")
		return
	}
	t.print("\nFiles written:\n")
	for _, f := range files {
		t.print(fmt.Sprintf("  %s  %s\n", printable(f.Path), size(f.Size)))
	}
}

func (t *transcript) note(s string) {
	t.line()
	t.print("  " + s + "\n")
	t.message = ""
}

func (t *transcript) line() {
	if !t.fresh {
		t.print("\n")
	}
}

func (t *transcript) print(s string) {
	if s == "" {
		return
	}
	_, _ = io.WriteString(t.w, s)
	t.fresh = strings.HasSuffix(s, "\n")
}

func outcome(call client.ToolCall) string {
	mark := "✗"
	if call.State == "DONE" {
		mark = "✓"
	}
	line, _, more := strings.Cut(strings.TrimSpace(call.Output), "\n")
	line = printable(line)
	if utf8.RuneCountInString(line) > longestOutcome {
		line, more = string([]rune(line)[:longestOutcome]), true
	}
	if more {
		line += " …"
	}
	return strings.TrimSpace(mark + " " + line)
}

// printable keeps what a model or a file name says from steering the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
			return -1
		}
		return r
	}, s)
}

func size(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d bytes", n)
	}
	return fmt.Sprintf("%.1f KiB", float64(n)/1024)
}
