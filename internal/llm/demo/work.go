package demo

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/zeblit/zeblit/internal/llm"
)

const (
	taskMark  = "Your task: "
	againMark = "Try again: "
	// notRun begins what an agent says of a command that could not run.
	notRun = "Not run: "
)

// assignment is a task that was given to the one whom the model plays.
type assignment struct {
	title, request, folder string
	criteria               int
}

var assigned = sync.OnceValue(func() (p struct{ request, folder, criterion, status *regexp.Regexp }) {
	p.request = regexp.MustCompile(`(?m)^The request: (.+)$`)
	p.folder = regexp.MustCompile(`(?m)^The folder: (.+)$`)
	p.criterion = regexp.MustCompile(`(?m)^\d+\. `)
	p.status = regexp.MustCompile(`^Exit status (\d+)\. \((\S+)\)`)
	return p
})

// assignment is the task that the latest message gives, or wants to be tried again.
func (s *scene) assignment() (assignment, bool) {
	if s.task == "" || !s.tools["show_criterion"] || s.request != s.task && !strings.HasPrefix(s.request, againMark) {
		return assignment{}, false
	}
	p := assigned()
	title, rest, _ := strings.Cut(strings.TrimPrefix(s.task, taskMark), "\n")
	a := assignment{title: strings.TrimSpace(title)}
	if m := p.request.FindStringSubmatch(rest); m != nil {
		a.request = m[1]
	}
	if m := p.folder.FindStringSubmatch(rest); m != nil {
		a.folder = cleanFolder(m[1])
	}
	_, criteria, _ := strings.Cut(rest, "\nIt is done when these are shown")
	criteria, _, _ = strings.Cut(criteria, "\n\n")
	a.criteria = len(p.criterion.FindAllString(criteria, -1))
	return a, true
}

// work does a task: it reads what was there before, writes its files, checks them, shows
// each criterion and says what it did.
func (s *scene) work(a assignment) (move, error) {
	jobs, err := crewWish(a.request).jobs(a.folder)
	if err != nil {
		return move{}, err
	}
	at := slices.IndexFunc(jobs, func(j job) bool { return j.title == a.title })
	if a.request == "" || at < 0 {
		return s.improvise(a)
	}
	j := jobs[at]
	if j.looks {
		return s.inspect(a, j, jobs)
	}
	reads := j.reads
	if j.adds != nil {
		reads = append(slices.Clone(reads), j.adds.path)
	}
	if m := s.read(reads); len(m.calls) > 0 {
		return m, nil
	}
	files := j.files
	if j.adds != nil {
		files = append(slices.Clone(files), s.added(*j.adds))
	}
	m, written, failed := s.write(files, nil)
	if len(m.calls) > 0 {
		return m, nil
	}
	if len(failed) > 0 {
		return move{say: oneLine("these files could not be written, though I tried twice: " + strings.Join(failed, "; "))}, nil
	}
	ran, known := s.lastRun()
	if j.check != "" && !known && s.tools["run_command"] {
		return move{say: "now I check it: `" + j.check + "`.", calls: []llm.ToolCall{call("run_command", map[string]any{"shell": j.check})}}, nil
	}
	done := "done: " + oneLine(strings.ReplaceAll(strings.Join(written, "; "), "- ", "")) + "."
	switch {
	case ran.id != "":
		return s.show(a, map[string]any{"command_id": ran.id, "note": "`" + j.check + "` succeeds"}, done+" `"+j.check+"` succeeds."), nil
	case known && ran.failed:
		return move{say: done + " But `" + j.check + "` fails: " + ran.why}, nil
	case known:
		done += " " + notRun + "`" + j.check + "`, because " + ran.why + ". The files show what there is."
	}
	return s.show(a, map[string]any{"files": names(files), "note": clipped(done)}, done), nil
}

// read looks at the files that were not looked at yet.
func (s *scene) read(files []string) move {
	var m move
	for _, f := range files {
		if tries, _, _ := s.attempts("read_file", f); tries == 0 && s.tools["read_file"] {
			m.calls = append(m.calls, call("read_file", map[string]string{"path": f}))
		}
	}
	m.say = "I read what was there before."
	return m
}

// added is a file with what it is given, below what was in it before.
func (s *scene) added(f file) file {
	for _, d := range s.done {
		if d.tool == "read_file" && d.path == f.path && !d.failed && !strings.Contains(d.result, f.text) {
			f.text = strings.TrimRight(d.result, "\n") + "\n\n" + f.text
		}
	}
	return f
}

// run is what came of a command: its id where it succeeded, else why it did not run, or
// failed.
type run struct {
	id, why string
	failed  bool
}

func (s *scene) lastRun() (r run, known bool) {
	for _, d := range s.done {
		if d.tool != "run_command" {
			continue
		}
		known = true
		switch m := assigned().status.FindStringSubmatch(d.result); {
		case d.failed || m == nil:
			r = run{why: oneLine(clipped(strings.TrimPrefix(d.result, "refused.\n")))}
			if line, _, found := strings.Cut(strings.TrimPrefix(d.result, "refused.\n"), "\n"); found {
				r.why = strings.TrimRight(line, ".")
			}
		case m[1] == "0":
			r = run{id: m[2]}
		case m[1] == "127": // the shell knows no such program
			r = run{why: "there is no such program where commands run"}
		default:
			r = run{failed: true, why: oneLine(clipped(d.result))}
		}
	}
	return r, known
}

// show closes the task's criteria by the evidence, and then says what was done.
func (s *scene) show(a assignment, evidence map[string]any, done string) move {
	var m move
	var refused []string
	for n := 1; n <= a.criteria; n++ {
		tried := slices.IndexFunc(s.done, func(d deed) bool { return d.tool == "show_criterion" && d.number == n })
		if tried >= 0 && s.done[tried].failed {
			refused = append(refused, fmt.Sprintf("criterion %d is not shown: %s", n, s.done[tried].reason()))
		}
		if tried >= 0 {
			continue
		}
		args := map[string]any{"criterion": n}
		for name, value := range evidence {
			args[name] = value
		}
		m.calls = append(m.calls, call("show_criterion", args))
	}
	m.say = "I show what there is."
	if len(m.calls) == 0 {
		m.say = strings.Join(append([]string{done}, refused...), " ")
	}
	return m
}

// improvise does a task that a person made: its title is what is asked for.
func (s *scene) improvise(a assignment) (move, error) {
	w := understand(a.title)
	m, err := s.alone(w)
	if err != nil || len(m.calls) > 0 {
		return m, err
	}
	var files []string
	for _, d := range s.done {
		if (d.tool == "write_file" || d.tool == "edit_file") && !d.failed && !slices.Contains(files, d.path) {
			files = append(files, d.path)
		}
	}
	if len(files) == 0 {
		return m, nil
	}
	return s.show(a, map[string]any{"files": files, "note": "These files are there; a fixed script can't tell more."}, m.say), nil
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// clipped is text short enough for a note.
func clipped(s string) string {
	if r := []rune(s); len(r) > 400 {
		return string(r[:400]) + "…"
	}
	return s
}
