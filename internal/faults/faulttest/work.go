package faulttest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zeblit/zeblit/internal/faults"
	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
	"github.com/zeblit/zeblit/internal/redistest"
)

// The trial of work: runs on branches of their own run commands in sandboxes, and are
// merged; who runs or merges is killed in the middle, at each point once.
const (
	workProjects = 3
	workSettle   = time.Minute
)

// workPoints are the crash points of commands and merges.
func workPoints() []string {
	return slices.DeleteFunc(faults.Names(), func(name string) bool {
		return !strings.HasPrefix(name, "command.") && !strings.HasPrefix(name, "merge.")
	})
}

// work marks the messages of this trial.
const work = "Work on part"

var workNumber = regexp.MustCompile(work + ` (\d+)\.`)

// workCommand does the same however often it is begun and cut off.
func workCommand(n int) string {
	dir := workFolder(n)
	return fmt.Sprintf("cat %[1]s/a.txt > %[1]s/b.txt && printf '#!/bin/sh\\necho %[2]d\\n' > %[1]s/run && chmod +x %[1]s/run && %[1]s/run", dir, n)
}

func workFolder(n int) string { return fmt.Sprintf("part-%03d", n) }

// workFiles are what a part comes to.
func workFiles(n int) map[string]string {
	text := fmt.Sprintf("part %d\n", n)
	return map[string]string{
		workFolder(n) + "/a.txt": text, workFolder(n) + "/b.txt": text,
		workFolder(n) + "/run": fmt.Sprintf("#!/bin/sh\necho %d\n", n),
	}
}

// workReply writes a file, runs the command until it has seen it end well, and is done.
func workReply(q llmtest.Request) llmtest.Reply {
	found := workNumber.FindStringSubmatch(q.LastText())
	if found == nil {
		return llmtest.Reply{llmtest.Refuse(400, "invalid_request_error", "no part: "+q.LastText())}
	}
	n, _ := strconv.Atoi(found[1])
	ran := slices.ContainsFunc(q.Messages, func(m llm.Message) bool {
		return slices.ContainsFunc(m.ToolResults, func(r llm.ToolResult) bool { return strings.Contains(r.Text, "Exit status 0.") })
	})
	switch {
	case q.Turn() == 0:
		return llmtest.Reply{llmtest.Call("write_file", map[string]any{"path": workFolder(n) + "/a.txt", "text": fmt.Sprintf("part %d\n", n)})}
	case !ran:
		return llmtest.Reply{llmtest.Call("run_command", map[string]any{"shell": workCommand(n)})}
	}
	return llmtest.Reply{llmtest.Say("Done.")}
}

// Worked is what came of one trial.
type Worked struct {
	Kills, Parts, Commands, Merges int
	// Died is at which points a process has died.
	Died  []string
	Took  time.Duration
	Wrong []string
}

// Good reports whether all that must hold held.
func (w *Worked) Good() bool { return len(w.Wrong) == 0 }

func (w *Worked) String() string {
	out := fmt.Sprintf("%d kills in %.0f s, at %s; %d parts, %d commands, %d merges",
		w.Kills, w.Took.Seconds(), strings.Join(w.Died, ", "), w.Parts, w.Commands, w.Merges)
	for _, wrong := range w.Wrong {
		out += "\n\tWRONG: " + wrong
	}
	return out
}

func (w *Worked) wrong(format string, args ...any) {
	w.Wrong = append(w.Wrong, fmt.Sprintf(format, args...))
}

// Work makes one trial on a fresh installation and judges it.
func Work(ctx context.Context, t redistest.TB, o Options) (*Worked, error) {
	begun := time.Now()
	in, err := Install(t, o)
	if err != nil {
		return nil, fmt.Errorf("install: %w", err)
	}
	in.Model.answer(work, workReply)
	l, err := NewLoad(ctx, in, workProjects)
	if err != nil {
		return nil, fmt.Errorf("make the load: %w", err)
	}
	defer l.leave()
	w := &Worked{}
	if err := w.disturb(ctx, l); err != nil {
		keepLogs(in, o.Logf)
		return w, err
	}
	w.Kills, w.Took, w.Wrong = in.Kills(), time.Since(begun), append(w.Wrong, l.refuse...)
	if err := w.judge(ctx, l); err != nil {
		return w, err
	}
	if !w.Good() {
		keepLogs(in, o.Logf)
	}
	return w, nil
}

// disturb keeps each project at work while processes die at each point, and waits for the
// end of what was begun.
func (w *Worked) disturb(ctx context.Context, l *Load) error {
	var enough atomic.Bool
	talking, hangUp := context.WithCancel(ctx)
	defer hangUp()
	var people sync.WaitGroup
	for _, p := range l.Projects {
		people.Go(func() {
			for !enough.Load() && talking.Err() == nil {
				l.part(talking, p)
			}
		})
	}
	err := l.in.killAtEach(ctx, workPoints(), func(point string, died bool) {
		if died {
			w.Died = append(w.Died, point)
		} else {
			w.wrong("nobody came to %s", point)
		}
	})
	enough.Store(true)
	calmed := l.in.calm(ctx)
	late := time.AfterFunc(workSettle, func() {
		w.wrong("not all parts ended within %s", workSettle)
		hangUp()
	})
	people.Wait()
	late.Stop()
	return errors.Join(err, calmed)
}

// part sends one part of the work, on a branch of its own, and waits until it is merged.
func (l *Load) part(ctx context.Context, p *Project) {
	p.mu.Lock()
	n := p.next
	p.next++
	p.mu.Unlock()
	input := sendInput(p.ID, "", fmt.Sprintf("%s %d.", work, n), rand.Text())
	input["ownBranch"] = true
	s, err := l.try(ctx, input, n)
	if err != nil {
		l.problem("send: %v", err)
		return
	}
	s.Project, s.Task = p.ID, n
	l.mu.Lock()
	l.sent = append(l.sent, s)
	l.mu.Unlock()
	l.answered(ctx, s)
	for ctx.Err() == nil {
		var state string
		err := l.in.db.QueryRowContext(ctx, "SELECT state FROM merges WHERE run_id = $1", s.Run).Scan(&state)
		if err == nil && state != "QUEUED" && state != "MERGING" {
			return
		}
		_ = pause(ctx, 50*time.Millisecond)
	}
}
