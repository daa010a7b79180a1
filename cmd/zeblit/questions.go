package main

import (
	"context"
	"fmt"

	"github.com/zeblit/zeblit/internal/client"
	"github.com/zeblit/zeblit/internal/terminal"
)

type questionsCommand struct {
	List   questionsListCommand   `cmd:"" help:"List what agents wait to be told, in all projects."`
	Answer questionsAnswerCommand `cmd:"" help:"Answer a question; its agent goes on."`
}

type questionsListCommand struct {
	target
	format
}

func (f *questionsListCommand) Run(ctx context.Context, c console) error {
	return f.with(ctx, c, nil, func(api *client.Client) error {
		head := []string{"ID", "AGENT", "UNTIL", "PROJECT", "QUESTION"}
		return writeList(c, f.format, api.Questions(ctx), head, func(q client.Question) []string {
			return []string{q.ID, q.Agent.Slug, terminal.Time(q.DeadlineAt), terminal.Shorten(q.Project.Name, 24), terminal.Shorten(q.Text, 80)}
		})
	})
}

type questionsAnswerCommand struct {
	target
	ID   string `arg:"" help:"The question's id."`
	Text string `arg:"" help:"The answer: one of its choices, or your own words where it takes them."`
}

func (f *questionsAnswerCommand) Run(ctx context.Context, c console) error {
	return f.with(ctx, c, nil, func(api *client.Client) error {
		q, err := api.AnswerQuestion(ctx, f.ID, f.Text)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(c.out, "%s  %s\n", q.ID, q.State)
		return err
	})
}
