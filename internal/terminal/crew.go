package terminal

import (
	"fmt"
	"strings"

	"github.com/zeblit/zeblit/internal/client"
)

// longestShown is how many lines of what an agent wants to be allowed are shown.
const longestShown = 40

// CrewEvent prints what happened among the agents that work for the run.
func (t *Transcript) CrewEvent(e client.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch e.Type {
	case "TaskChanged":
		t.task(e.Task)
	case "ToolCallStarted":
		t.note("  " + t.style.Dim(strings.TrimSpace(e.ToolCall.Run.Agent.Slug+" → "+CleanLine(e.ToolCall.Name)+" "+Shorten(e.ToolCall.About(), longestOutcome))))
	case "QuestionAsked":
		t.question(e.Question)
	case "QuestionAnswered":
		t.answer(e.Question)
	case "ApprovalRequested":
		t.approval(e.Approval)
	case "ApprovalResolved":
		t.resolved(e.Approval)
	}
}

// Tasks prints how tasks stand, as far as that isn't printed yet.
func (t *Transcript) Tasks(all []client.Task) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, one := range all {
		t.task(one)
	}
}

// task shows that a task has begun or ended.
func (t *Transcript) task(task client.Task) {
	mark := ""
	switch task.State {
	case "IN_PROGRESS":
		mark = "▸"
	case "COMPLETED":
		mark = t.style.Green("✓")
	case "FAILED", "CANCELLED":
		mark = t.style.Red("✗")
	case "BLOCKED":
		mark = t.style.Yellow("…")
	default:
		return
	}
	now := fmt.Sprint(task.State, task.Attempts)
	if t.tasks[task.ID] == now {
		return
	}
	t.tasks[task.ID], t.crew = now, true
	line := fmt.Sprintf("%s %s  %s", mark, task.Agent.Slug, t.style.Bold(CleanLine(task.Title)))
	if task.Attempts > 1 && task.State == "IN_PROGRESS" {
		line += fmt.Sprintf(" (try %d)", task.Attempts)
	}
	if task.Problem != "" {
		line += ": " + t.style.Yellow(Shorten(task.Problem, longestOutcome))
	}
	t.note(line)
}

// approval shows what an agent wants to be allowed.
func (t *Transcript) approval(a client.Approval) {
	line := fmt.Sprintf("! %s wants to use %s (%s risk", CleanLine(a.Agent.Slug), CleanLine(a.Tool), strings.ToLower(a.Risk))
	if a.Reason != "" {
		line += ": " + CleanLine(a.Reason)
	}
	t.note(t.style.Bold(line + "):"))
	lines := strings.Split(strings.TrimRight(a.Shown, "\n"), "\n")
	for i, one := range lines {
		if i == longestShown {
			t.note(fmt.Sprintf("    … and %d lines more", len(lines)-i))
			break
		}
		t.note("    " + CleanLine(one))
	}
	t.note(t.style.Dim("  why: " + CleanLine(a.Rule)))
}

// resolved shows what came of it.
func (t *Transcript) resolved(a client.Approval) {
	words := map[string]string{
		"APPROVED": "allowed", "DENIED": "denied", "EXPIRED": "nobody answered, so it is denied", "CANCELLED": "not needed any more",
	}[a.State]
	if words != "" {
		t.note(t.style.Dim("(" + words + ")"))
	}
}
