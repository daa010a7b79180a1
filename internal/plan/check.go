package plan

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/agent"
	"github.com/zeblit/zeblit/internal/agent/tools"
	"github.com/zeblit/zeblit/internal/problem"
)

// Check says what is wrong with a plan's tasks, with a field such as "tasks[2].role".
func (s *Service) Check(tasks []tools.TaskDraft) error {
	if len(tasks) == 0 {
		return problem.BadField("tasks", "a plan has at least one task")
	}
	if len(tasks) > MaxTasks {
		return problem.BadField("tasks", "a plan has at most %d tasks; these are %d", MaxTasks, len(tasks))
	}
	keys := map[string]bool{}
	for i, t := range tasks {
		at := fmt.Sprintf("tasks[%d].", i)
		if t.Key == "" {
			return problem.BadField(at+"key", "each task has a key, which others name it by")
		}
		if keys[t.Key] {
			return problem.BadField(at+"key", "there is another task %q: each key is used once", t.Key)
		}
		keys[t.Key] = true
		if t.Role == managerSlug {
			return problem.BadField(at+"role", "the manager plans; the others do the tasks")
		}
		if err := checkTask(at, t); err != nil {
			return err
		}
	}
	for i, t := range tasks {
		for _, d := range t.DependsOn {
			if !keys[d] {
				return problem.BadField(fmt.Sprintf("tasks[%d].depends_on", i), "there is no task %q in this plan", d)
			}
		}
	}
	if cycle := cycleIn(tasks); cycle != nil {
		return problem.BadField("tasks", "these tasks wait for each other, so that none could ever begin: %s", strings.Join(cycle, " → "))
	}
	return nil
}

const managerSlug = "manager"

// checkTask looks at a task by itself; at is what its fields' names begin with.
func checkTask(at string, t tools.TaskDraft) error {
	title := strings.TrimSpace(t.Title)
	switch {
	case title == "" || utf8.RuneCountInString(title) > maxTitle || !utf8.ValidString(title) || strings.ContainsFunc(title, unicode.IsControl):
		return problem.BadField(at+"title", "a title is one line of 1 to %d characters", maxTitle)
	case len(t.Criteria) > MaxCriteria:
		return problem.BadField(at+"criteria", "a task has at most %d criteria", MaxCriteria)
	case len(t.Criteria) == 0:
		return problem.BadField(at+"criteria", "say what has to be shown before the task counts as done")
	case t.Priority != "" && !slices.Contains(t.Priority.Values(), string(t.Priority)):
		return problem.BadField(at+"priority", "there are %s", strings.Join(t.Priority.Values(), ", "))
	}
	if err := checkText(at+"description", "a description", t.Description, maxDescription); err != nil {
		return err
	}
	for i, c := range t.Criteria {
		if strings.TrimSpace(c) == "" || checkText("", "", c, maxCriterion) != nil {
			return problem.BadField(fmt.Sprintf("%scriteria[%d]", at, i), "a criterion has 1 to %d bytes of text", maxCriterion)
		}
	}
	if t.Role == "" {
		return problem.BadField(at+"role", "say who does it")
	}
	if _, err := agent.Find(t.Role); err != nil {
		p := problem.As(err)
		return problem.BadField(at+"role", "%s", p.Message)
	}
	return nil
}

// checkText says what is wrong with a text, which has so many bytes at most.
func checkText(field, what, text string, most int) error {
	if len(text) > most || !utf8.ValidString(text) || strings.Contains(text, "\x00") {
		return problem.BadField(field, "%s has at most %d bytes of valid UTF-8 without NUL characters", what, most)
	}
	return nil
}

// cycleIn finds tasks that wait for each other, in their order; nil: there are none.
func cycleIn(tasks []tools.TaskDraft) []string {
	needs := map[string][]string{}
	for _, t := range tasks {
		needs[t.Key] = t.DependsOn
	}
	return cycle(needs, func() (order []string) {
		for _, t := range tasks {
			order = append(order, t.Key)
		}
		return order
	}())
}

// cycle walks what each key needs, in order.
func cycle(needs map[string][]string, order []string) []string {
	const under, done = 1, 2
	marks := map[string]int{}
	var path []string
	var walk func(string) []string
	walk = func(key string) []string {
		switch marks[key] {
		case done:
			return nil
		case under:
			return append(slices.Clone(path[slices.Index(path, key):]), key)
		}
		marks[key] = under
		path = append(path, key)
		for _, next := range needs[key] {
			if found := walk(next); found != nil {
				return found
			}
		}
		path = path[:len(path)-1]
		marks[key] = done
		return nil
	}
	for _, key := range order {
		if found := walk(key); found != nil {
			return found
		}
	}
	return nil
}

func priority(p enum.TaskPriority) enum.TaskPriority {
	if p == "" {
		return enum.TaskMedium
	}
	return p
}
