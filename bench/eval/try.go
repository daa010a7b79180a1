package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/zeblit/zeblit/internal/client"
)

// Trial is one way in which a task was done, and what it came to.
type Trial struct {
	Task string `json:"task"`
	Play string `json:"play,omitempty"` // none with a real model
	Score
	// Differs is how a play's score is not the one that it has to have.
	Differs string `json:"differs,omitempty"`

	State        string   `json:"state"`
	Verification string   `json:"verification,omitempty"`
	Gaps         []string `json:"gaps,omitempty"`
	Steps        int      `json:"steps"` // those of agents below are not in it
	Calls        int64    `json:"calls"` // of models, by all agents
	InputTokens  int64    `json:"inputTokens"`
	OutputTokens int64    `json:"outputTokens"`
	Cost         string   `json:"cost"` // USD
	Unpriced     int64    `json:"unpricedCalls,omitempty"`
	Seconds      float64  `json:"seconds"` // from the message to the run's end
}

// report is what is read of a run when it has ended.
type report struct {
	State, Error, WaitsFor, Verification string
	Gaps                                 []string
	Step                                 int
	Plan                                 *struct{ ID string }
	Usage                                struct {
		Calls, InputTokens, OutputTokens, UnpricedCalls int64
		Cost                                            string
	}
	Conversation struct {
		Messages struct{ Nodes []struct{ Role, Text string } }
	}
}

const (
	reportQuery = `query($id: ID!) { run(id: $id) { state error waitsFor verification gaps step plan { id }
		usage { calls inputTokens outputTokens unpricedCalls cost }
		conversation { messages(last: 10) { nodes { role text } } } } }`
	budgetMutation = `mutation($input: SetBudgetInput!) { setBudget(input: $input) { budget { id } } }`
)

// Bounds are what a trial may take.
type Bounds struct {
	Time  time.Duration
	Money string // USD; "" is no budget, for models without a price
}

// try has a task done by a model in a project of its own, and scores what came of it. An
// error says that it could not be tried.
func (p *Product) try(ctx context.Context, t Task, model string, b Bounds) (Trial, error) {
	project, err := p.put(ctx, t.Name, t.Start)
	if err != nil {
		return Trial{}, err
	}
	if b.Money != "" {
		budget := map[string]any{"scope": "PROJECT", "projectId": project, "period": "TOTAL", "limit": b.Money}
		if err := p.Do(ctx, budgetMutation, map[string]any{"input": budget}, &struct{}{}); err != nil {
			return Trial{}, fmt.Errorf("set the budget: %w", err)
		}
	}
	var o Outcome
	if o.Before, err = p.Head(ctx, project); err != nil {
		return Trial{}, err
	}
	begun := time.Now()
	sent, err := p.Send(ctx, client.Message{ProjectID: project, Text: t.Request, Agent: t.Agent, Model: model})
	if err != nil {
		return Trial{}, err
	}
	if o.Inputs, err = p.follow(ctx, project, sent.Run.ID, b.Time); err != nil {
		return Trial{}, err
	}
	r, err := p.settle(ctx, sent.Run.ID)
	if err != nil {
		return Trial{}, err
	}
	took := time.Since(begun)
	o.State, o.Why, o.Plan = r.State, r.Error+r.WaitsFor, r.Plan != nil
	for _, m := range r.Conversation.Messages.Nodes {
		if m.Role == "ASSISTANT" {
			o.Answer = m.Text
		}
	}
	if o.After, err = p.Head(ctx, project); err != nil {
		return Trial{}, err
	}
	if t.Check.Command != "" {
		if o.Hidden, err = p.test(ctx, t, project); err != nil {
			return Trial{}, fmt.Errorf("run the hidden tests: %w", err)
		}
	}
	return Trial{
		Task: t.Name, Score: score(t.Check, o), State: r.State, Verification: r.Verification, Gaps: r.Gaps, Steps: r.Step,
		Calls: r.Usage.Calls, InputTokens: r.Usage.InputTokens, OutputTokens: r.Usage.OutputTokens, Cost: r.Usage.Cost,
		Unpriced: r.Usage.UnpricedCalls, Seconds: took.Seconds(),
	}, nil
}

// follow watches a run until it has ended, or can't go on without a person, or its time is
// up, and returns what tools were given. Questions are answered as somebody who leaves it
// to the agents would.
func (p *Product) follow(ctx context.Context, project, run string, most time.Duration) (inputs []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	err = p.ProjectEvents(ctx, project, client.Start, func(e client.Event) error {
		switch {
		case e.Type == "ToolCallStarted":
			inputs = append(inputs, e.ToolCall.Name+" "+e.ToolCall.Input)
		case e.Type == "QuestionAsked":
			_, err := p.AnswerQuestion(ctx, e.Question.ID, reply(e.Question))
			return err
		case e.Type == "RunStateChanged" && (e.State == "PAUSED" || e.State == "WAITING_FOR_APPROVAL"):
			return client.ErrStop
		case e.Type == "RunStateChanged" && e.Run.ID == run && (client.Run{State: e.State}).Ended():
			return client.ErrStop
		}
		return nil
	})
	if errors.Is(err, context.DeadlineExceeded) {
		err = nil // its state says that it hasn't ended
	}
	return inputs, err
}

// reply is what a question is answered with.
func reply(q client.Question) string {
	switch {
	case q.DefaultAnswer != "":
		return q.DefaultAnswer
	case q.AllowOther || len(q.Choices) == 0:
		return "Decide yourself what is best, and go on."
	}
	return q.Choices[0]
}

// settle reads how a run stands and ends it where it hasn't, so that nothing of it works,
// or costs, while its result is looked at.
func (p *Product) settle(ctx context.Context, run string) (r report, err error) {
	var out struct{ Run report }
	if err := p.Do(ctx, reportQuery, map[string]any{"id": run}, &out); err != nil {
		return r, err
	}
	if (client.Run{State: out.Run.State}).Ended() {
		return out.Run, nil
	}
	if _, err := p.CancelRun(ctx, run); err != nil {
		return r, err
	}
	err = p.RunEvents(ctx, run, client.Start, func(e client.Event) error {
		if e.Type == "RunStateChanged" && e.Run.ID == run && (client.Run{State: e.State}).Ended() {
			return client.ErrStop
		}
		return nil
	})
	return out.Run, err
}

// test puts the hidden files over a copy of a project and runs the command there, in a
// sandbox of its own: whatever an agent has left behind, or still runs, is not in it.
func (p *Product) test(ctx context.Context, t Task, project string) (*Tested, error) {
	var files []Item
	if head, err := p.Head(ctx, project); err != nil {
		return nil, err
	} else if head != "" {
		if files, err = p.files(ctx, project); err != nil {
			return nil, err
		}
	}
	copied, err := p.put(ctx, t.Name+", to be tested", append(files, t.Hidden...))
	if err != nil {
		return nil, err
	}
	const most = 2 * time.Minute
	id, err := p.RunCommand(ctx, client.Command{ProjectID: copied, Shell: t.Check.Command, Timeout: most})
	if err != nil {
		return nil, err
	}
	found := &Tested{}
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for state := (client.CommandState{}); ; {
		if state, err = p.LookAtCommand(ctx, id, state); err != nil {
			return nil, err
		}
		found.Printed += state.Stdout.Text + state.Stderr.Text
		if state.Ended() {
			if found.State, found.ExitCode = state.State, state.ExitCode; state.Note != nil {
				found.Printed += "\n" + *state.Note
			}
			if found.State == "REFUSED" || found.State == "LOST" {
				return nil, fmt.Errorf("no sandbox has run them, which says nothing about the result: %s", found)
			}
			return found, nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
