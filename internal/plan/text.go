package plan

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/message"
	"github.com/zeblit/zeblit/ent/task"
)

// maxTold is how much of a task's result others are told, in bytes.
const maxTold = 2 << 10

// brief is what an agent is told of its task.
func (s *Service) brief(ctx context.Context, c *ent.Client, l *look, t *ent.Task, wrong string) (string, error) {
	if wrong != "" {
		return "Try again: " + wrong + "\n\nWhat you did so far is still there. Mend it, show each criterion that is open, and report.", nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Your task: %s\n", t.Title)
	if t.Description != "" {
		fmt.Fprintf(&b, "\n%s\n", t.Description)
	}
	criteria, err := criteriaOf(ctx, c, t.ID)
	if err != nil {
		return "", err
	}
	if wanted := wantedOf(criteria[t.ID]); wanted != "" {
		b.WriteString("\nIt is done when these are shown, each with show_criterion:\n" + wanted)
	}
	if l != nil {
		fmt.Fprintf(&b, "\nThe whole of it: %s\n", l.plan.Summary)
	}
	if len(t.DependsOn) == 0 {
		return b.String(), nil
	}
	before, err := c.Task.Query().Where(task.IDIn(t.DependsOn...)).Order(ent.Asc(task.FieldID)).All(ctx)
	if err != nil {
		return "", err
	}
	b.WriteString("\nDone before, and in your files already:\n")
	for _, d := range before {
		fmt.Fprintf(&b, "- %s: %s\n", d.Title, clip(d.Result, maxTold))
	}
	return b.String(), nil
}

// wantedOf are the criteria that people don't do without.
func wantedOf(criteria []*ent.Criterion) string {
	var b strings.Builder
	for _, one := range criteria {
		if one.State == enum.CriterionWaived {
			continue
		}
		fmt.Fprintf(&b, "%d. %s\n", one.Position, one.Text)
		if one.State == enum.CriterionStale {
			fmt.Fprintf(&b, "   It was shown and doesn't hold any more: %s\n", one.Problem)
		}
	}
	return b.String()
}

// report tells the manager how the plan stands.
func (s *Service) report(ctx context.Context, c *ent.Client, l *look) (string, error) {
	agents, err := crew(ctx, c)
	if err != nil {
		return "", err
	}
	criteria, err := criteriaOf(ctx, c, ids(l.tasks)...)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	stale := 0
	fmt.Fprintf(&b, "%d of %d tasks are completed.\n", l.count(enum.TaskCompleted), len(l.tasks))
	for i, t := range l.tasks {
		fmt.Fprintf(&b, "\n%d. %s (%s): %s", i+1, t.Title, agents[t.AgentID].Slug, t.State)
		if t.Problem != "" {
			fmt.Fprintf(&b, "; %s", t.Problem)
		}
		b.WriteString("\n")
		if t.Result != "" && t.State != enum.TaskPending {
			fmt.Fprintf(&b, "   %s\n", clip(t.Result, maxTold))
		}
		for _, one := range criteria[t.ID] {
			switch one.State {
			case enum.CriterionOpen:
				fmt.Fprintf(&b, "   not shown: %s\n", one.Text)
			case enum.CriterionStale:
				stale++
				fmt.Fprintf(&b, "   not shown any more: %s: %s\n", one.Text, one.Problem)
			}
		}
	}
	b.WriteString("\n" + advice(l, stale))
	return b.String(), nil
}

func advice(l *look, stale int) string {
	switch {
	case l.count(enum.TaskCompleted) == len(l.tasks) && stale > 0:
		return "All tasks are completed, but not all that they showed holds on " + l.target() + ", where their work has come together. Begin such a task again (update_task with RETRY), or add one that mends it, and then wait_for_tasks; or report what doesn't hold."
	case l.count(enum.TaskCompleted) == len(l.tasks):
		return "All is done: report to the person who asked, with what is shown and what isn't."
	case l.count(enum.TaskFailed, enum.TaskBlocked) > 0:
		return "Decide what becomes of the tasks that are FAILED or BLOCKED: resolve_conflict, update_task or add_tasks, and then wait_for_tasks; or report what could not be done."
	}
	return "Report what was done, and what was not."
}

// lastAnswer is what a run said in the end.
func lastAnswer(ctx context.Context, c *ent.Client, r *ent.Run) (string, error) {
	m, err := c.Message.Query().Where(message.RunID(r.ID), message.RoleEQ(enum.RoleAssistant), message.StatusEQ(enum.MessageComplete)).
		Order(ent.Desc(message.FieldPosition)).First(ctx)
	if ent.IsNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return m.Text, nil
}

func openCriteria(ctx context.Context, c *ent.Client, taskID string) ([]string, error) {
	all, err := criteriaOf(ctx, c, taskID)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, one := range all[taskID] {
		if one.State == enum.CriterionOpen || one.State == enum.CriterionStale {
			out = append(out, fmt.Sprintf("%d. %s", one.Position, one.Text))
		}
	}
	return out, nil
}

func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most] + " …"
}
