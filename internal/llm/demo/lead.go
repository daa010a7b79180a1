package demo

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/zeblit/zeblit/internal/llm"
)

// lead is what the demo model does as the manager: it plans what is larger, waits for the
// crew, and tells what came of it.
func (s *scene) lead() (move, error) {
	w := crewWish(s.request)
	files, known := s.listing()
	if !known && s.tools["list_files"] {
		m := s.look(w)
		m.say = fmt.Sprintf("this is for the whole crew: %s called “%s”%s. First I look at the files that are there.", w.kind.what(), w.title, w.behind())
		return m, nil
	}
	folder, jobs, err := w.placeJobs(files)
	if err != nil {
		return move{}, err
	}
	last, planned := s.lastReport()
	switch {
	case !planned:
		return s.plan(w, folder, jobs), nil
	case last.failed:
		return move{say: "the plan could not be made (" + last.reason() + "), so I stop here. " + howToConfigure}, nil
	}
	board := readBoard(last.result)
	if len(board) == 0 {
		return move{say: "nothing was built. " + last.reason() + " " + howToConfigure}, nil
	}
	var calls []llm.ToolCall
	for _, t := range board {
		if t.needsDecision() && s.tools["update_task"] && !s.decided(t.number) {
			calls = append(calls, call("update_task", map[string]any{"task": t.number, "action": "CANCEL", "note": "A fixed script can't mend this: " + t.problem}))
		}
	}
	waits := slices.ContainsFunc(board, func(t told) bool { return t.open() || t.needsDecision() && s.decided(t.number) })
	switch {
	case len(calls) > 0:
		return move{say: "something went wrong that a fixed script can't mend. I cancel it, and let the others finish.", calls: calls}, nil
	case waits && s.tools["wait_for_tasks"] && s.count("wait_for_tasks") <= len(board):
		return move{say: "I wait for the others.", calls: []llm.ToolCall{call("wait_for_tasks", map[string]any{})}}, nil
	}
	return move{say: s.tell(w, jobs, board)}, nil
}

func (w wish) behind() string {
	if w.server {
		return ", with a server behind it"
	}
	return ""
}

// placeJobs is the folder in which the crew's files are in nobody's way, and the jobs there.
func (w wish) placeJobs(existing []string) (string, []job, error) {
	for n := 0; ; n++ {
		folder := w.folder
		if n > 0 {
			folder = strings.TrimPrefix(folder+"/"+slug(w.title), "/")
		}
		if n > 1 {
			folder = fmt.Sprintf("%s-%d", folder, n)
		}
		jobs, err := w.jobs(folder)
		if err != nil {
			return "", nil, err
		}
		free := true
		for _, j := range jobs {
			free = free && !slices.ContainsFunc(names(j.files), func(name string) bool { return slices.Contains(existing, name) })
		}
		if free {
			return folder, jobs, nil
		}
	}
}

func (s *scene) plan(w wish, folder string, jobs []job) move {
	var drafts []map[string]any
	roles := map[string]bool{}
	for _, j := range jobs {
		roles[j.role] = true
		drafts = append(drafts, map[string]any{
			"key": j.key, "title": j.title, "description": j.what + brief(s.request, folder), "role": j.role,
			"criteria": j.criteria, "depends_on": append([]string{}, j.needs...), "priority": "MEDIUM",
		})
	}
	summary := fmt.Sprintf("%s%s: %s%s.", strings.ToUpper(w.kind.what()[:1]), w.kind.what()[1:], w.title, w.behind())
	return move{
		say:   fmt.Sprintf("I make a plan of %d tasks for %d of us, and wait for them.", len(jobs), len(roles)),
		calls: []llm.ToolCall{call("create_plan", map[string]any{"summary": summary, "tasks": drafts})},
	}
}

// lastReport is what the manager was last told of its plan. planned is false before there
// is one.
func (s *scene) lastReport() (last deed, planned bool) {
	for _, d := range s.done {
		if d.tool == "create_plan" || d.tool == "wait_for_tasks" && !d.failed {
			last, planned = d, true
		}
	}
	return last, planned
}

func (s *scene) count(tool string) (n int) {
	for _, d := range s.done {
		if d.tool == tool {
			n++
		}
	}
	return n
}

// decided says whether something was decided about a task.
func (s *scene) decided(task int) bool {
	return slices.ContainsFunc(s.done, func(d deed) bool { return d.tool == "update_task" && d.number == task })
}

// told is a task as the manager was told of it.
type told struct {
	number               int
	title, role, state   string
	problem, result, gap string
}

func (t told) open() bool {
	return slices.Contains([]string{"PENDING", "IN_PROGRESS", "MERGING"}, t.state)
}

// needsDecision holds for what failed by itself, not for what only waits for such a task.
func (t told) needsDecision() bool {
	return t.state == "FAILED" || t.state == "BLOCKED" && !strings.HasPrefix(t.problem, "it needs task")
}

var boardLine = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(\d+)\. (.+) \(([a-z-]+)\): ([A-Z_]+)(?:; (.*))?$`)
})

// readBoard reads how a plan's tasks stand.
func readBoard(report string) []told {
	var board []told
	for line := range strings.Lines(report) {
		line = strings.TrimRight(line, "\n")
		if m := boardLine().FindStringSubmatch(line); m != nil {
			number, _ := strconv.Atoi(m[1])
			board = append(board, told{number: number, title: m[2], role: m[3], state: m[4], problem: m[5]})
			continue
		}
		if len(board) == 0 || !strings.HasPrefix(line, "   ") {
			continue
		}
		t := &board[len(board)-1]
		if gap, is := strings.CutPrefix(line, "   not shown: "); is {
			t.gap = gap
		} else {
			t.result += strings.TrimPrefix(strings.TrimSpace(line), Label) + " "
		}
	}
	return board
}

// tell is the manager's last word: what was built, how to try it, what is shown.
func (s *scene) tell(w wish, jobs []job, board []told) string {
	var done, missing, unsure []string
	roles := map[string]bool{"manager": true}
	for _, t := range board {
		roles[t.role] = true
		if t.state == "COMPLETED" {
			done = append(done, fmt.Sprintf("- %s (%s)", t.title, t.role))
		} else {
			missing = append(missing, fmt.Sprintf("- %s (%s): %s. %s", t.title, t.role, strings.ToLower(t.state), t.problem))
		}
		if t.gap != "" {
			missing = append(missing, fmt.Sprintf("- %s: not shown: %s", t.title, t.gap))
		}
		if _, why, found := strings.Cut(t.result, notRun); found {
			unsure = append(unsure, fmt.Sprintf("- %s: %s", t.title, strings.TrimSpace(why)))
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "the crew has built %s called “%s”%s. %d of us worked on it; %d of %d tasks are done and shown:\n\n%s\n",
		w.kind.what(), w.title, w.behind(), len(roles), len(done), len(board), strings.Join(done, "\n"))
	if len(missing) > 0 {
		b.WriteString("\nWhat is missing:\n\n" + strings.Join(missing, "\n") + "\n")
	}
	if len(unsure) > 0 {
		b.WriteString("\nWhat was not run:\n\n" + strings.Join(unsure, "\n") + "\n")
	}
	b.WriteString("\n" + howToTry(w, jobs) + " I am a fixed script and made this from templates. " + howToConfigure)
	return b.String()
}

func howToTry(w wish, jobs []job) string {
	page := jobs[slices.IndexFunc(jobs, func(j job) bool { return j.key == "page" })].files[0].path
	if !w.kind.web() {
		return "Try it with `make run`; the README tells more."
	}
	say := "To try it, open the preview: `" + page + "` works at once and keeps what you enter in the browser."
	if w.server {
		say += " `make run` starts the server"
		if w.kind == todo {
			say += ", which then keeps the list"
		} else {
			say += "; the page doesn't use its list yet"
		}
		say += "."
	}
	return say
}
