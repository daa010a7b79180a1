package terminal

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/zeblit/zeblit/internal/client"
)

// longestOutcome is how much of a tool's answer is shown, in characters.
const longestOutcome = 100

// Transcript prints runs as their events arrive, one after the other. Its methods
// may be called from several goroutines: notices come when they come.
type Transcript struct {
	w       io.Writer
	style   Style
	spinner bool

	mu       sync.Mutex
	cleaner  Cleaner
	run      client.Run
	message  string // the message whose text is being printed
	fresh    bool   // the cursor is at the start of a line
	spinning bool   // a frame of the spinner stands in the line
	frame    int
	paths    map[string]bool
	crew     bool              // other agents have worked for the run
	tasks    map[string]string // how each was shown last
}

// NewTranscript prints to w. With a spinner, Tick shows that something is going on.
func NewTranscript(w io.Writer, style Style, spinner bool) *Transcript {
	return &Transcript{w: w, style: style, spinner: spinner, fresh: true, paths: map[string]bool{}, tasks: map[string]string{}}
}

// Begin sets the transcript to a run, of which it hears from now on.
func (t *Transcript) Begin(run client.Run) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.run, t.message, t.paths = run, "", map[string]bool{}
	t.crew, t.tasks = false, map[string]string{}
}

// Run is how the run stands, as far as the events say.
func (t *Transcript) Run() client.Run {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.run
}

// SetRun puts in what was read elsewhere of how the run stands.
func (t *Transcript) SetRun(run client.Run) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.run = run
}

// Event prints what happened, and notes how the run stands.
func (t *Transcript) Event(e client.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch e.Type {
	case "MessageDelta":
		if t.message != e.MessageID {
			t.line()
			t.message, t.cleaner = e.MessageID, Cleaner{}
		}
		t.print(t.cleaner.Clean(e.Text))
	case "MessageCompleted":
		if e.Message.ID == t.message && e.Message.Status == "INTERRUPTED" {
			t.note(t.style.Dim("(interrupted)"))
		}
	case "ToolCallStarted":
		t.note(t.style.Dim(strings.TrimSpace("→ " + CleanLine(e.ToolCall.Name) + " " + Shorten(e.ToolCall.About(), longestOutcome))))
	case "ToolCallFinished":
		t.note(t.outcome(e.ToolCall))
	case "FileChanged":
		t.paths[e.Path] = e.Change != "DELETED"
	case "RunStateChanged":
		t.run.State, t.run.Error = e.State, e.Run.Error
		switch e.State {
		case "WAITING_FOR_APPROVAL":
			t.note("(waits for an approval)")
		case "WAITING_FOR_INPUT":
			t.note("(waits for an answer)")
		case "WAITING_FOR_AGENTS":
			t.crew = true
			t.note("(waits for other agents)")
		case "PAUSED":
			t.note("(paused)")
		}
	case "QuestionAsked":
		t.question(e.Question)
	case "QuestionAnswered":
		t.answer(e.Question)
	case "ApprovalRequested":
		t.approval(e.Approval)
	case "ApprovalResolved":
		t.resolved(e.Approval)
	case "BudgetReached":
		t.note(t.style.Yellow(CleanLine(e.Text)))
	case "StreamReset":
		t.note("(some of the answer can't be shown any more)")
	}
}

// Note prints a remark of the client's own on a line of its own. The text goes on
// behind it as if it hadn't been.
func (t *Transcript) Note(s string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.line()
	t.print(t.style.Yellow(s) + "\n")
}

// Tick turns the spinner, where there is one and the line is free for it.
func (t *Transcript) Tick() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.spinner || !t.fresh {
		return
	}
	frames := []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")
	_, _ = fmt.Fprintf(t.w, "\r%s", t.style.Dim(string(frames[t.frame%len(frames)])))
	t.frame++
	t.spinning = true
}

// Written are the paths that the run created or changed and didn't delete since,
// sorted.
func (t *Transcript) Written() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []string
	for path, there := range t.paths {
		if there {
			out = append(out, path)
		}
	}
	slices.Sort(out)
	return out
}

// Files ends a run's transcript.
func (t *Transcript) Files(files []client.File) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.line()
	if len(files) == 0 && t.crew {
		t.print("\nWhat the other agents wrote is in the project: zeblit files ls --project " + t.run.Project.ID + "\n")
		return
	}
	if len(files) == 0 {
		t.print("\nNo files were written.\n")
		return
	}
	t.print("\nFiles written:\n")
	for _, f := range files {
		t.print(fmt.Sprintf("  %s  %s\n", t.style.Bold(CleanLine(f.Path)), Size(f.Size)))
	}
}

// End clears the spinner away and ends the line.
func (t *Transcript) End() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.unspin()
	t.line()
}

func (t *Transcript) note(s string) {
	t.line()
	t.print("  " + s + "\n")
	t.message = ""
}

func (t *Transcript) line() {
	if !t.fresh {
		t.print("\n")
	}
}

func (t *Transcript) print(s string) {
	if s == "" {
		return
	}
	t.unspin()
	_, _ = io.WriteString(t.w, s)
	t.fresh = strings.HasSuffix(s, "\n")
}

func (t *Transcript) unspin() {
	if t.spinning {
		t.spinning = false
		_, _ = io.WriteString(t.w, "\r\x1b[K")
	}
}

func (t *Transcript) outcome(call client.ToolCall) string {
	mark := t.style.Red("✗")
	if call.State == "DONE" {
		mark = t.style.Green("✓")
	}
	return strings.TrimSpace(mark + " " + t.style.Dim(Shorten(call.Output, longestOutcome)))
}
