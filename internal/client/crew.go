package client

import "context"

// Task is one of the pieces that a plan divides a request into.
type Task struct {
	ID       string `json:"id"`
	Title    string `json:"title"`
	State    string `json:"state"`
	Problem  string `json:"problem,omitempty"`
	Attempts int    `json:"attempts"`
	Agent    struct {
		Slug string `json:"slug"`
	} `json:"agent"`
	Plan *struct {
		Run struct{ ID string } `json:"run"`
	} `json:"plan,omitempty"`
}

// Worker is a run as far as it says for whom it works.
type Worker struct {
	ID     string                `json:"id"`
	Agent  struct{ Slug string } `json:"agent"`
	Parent *Worker               `json:"parent"`
}

// For reports whether the run works for another one, or is it.
func (w *Worker) For(runID string) bool {
	for ; w != nil; w = w.Parent {
		if w.ID == runID {
			return true
		}
	}
	return false
}

// by is the run that an event of a crew is about; nil: it is about none.
func (e Event) by() *Worker {
	switch e.Type {
	case "ToolCallStarted":
		return e.ToolCall.Run
	case "QuestionAsked", "QuestionAnswered":
		return e.Question.Run
	case "ApprovalRequested", "ApprovalResolved":
		return e.Approval.Run
	}
	return nil
}

// CrewEvents hands over what the agents do that work for a run, and its own tasks, after a
// cursor, as ProjectEvents does: tasks, calls of tools, questions and approvals. What the
// run does with its own hands is in RunEvents.
func (c *Client) CrewEvents(ctx context.Context, projectID, runID, after string, handle func(Event) error) error {
	return c.follow(ctx, crewEventsSubscription, projectID, after, func(e Event) error {
		if e.Type == "TaskChanged" {
			if e.Task.Plan == nil || e.Task.Plan.Run.ID != runID {
				return nil
			}
			return handle(e)
		}
		if by := e.by(); by == nil || by.ID == runID || !by.For(runID) {
			return nil
		}
		return handle(e)
	})
}

// Tasks are those of a run's plan; none: it has no plan.
func (c *Client) Tasks(ctx context.Context, runID string) ([]Task, error) {
	var out struct {
		Run struct{ Plan *struct{ Tasks []Task } }
	}
	err := c.doSafely(ctx, tasksQuery, map[string]any{"id": runID}, &out)
	if err != nil || out.Run.Plan == nil {
		return nil, err
	}
	return out.Run.Plan.Tasks, nil
}
