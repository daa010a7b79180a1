package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/zeblit/zeblit/internal/client"
	"github.com/zeblit/zeblit/internal/terminal"
)

// answers has what agents ask answered by who sits at the prompt.
func (t *talk) answers(prompt terminal.Prompt) {
	t.watch.decide = func(ctx context.Context, a client.Approval) error { return t.decide(ctx, prompt, a) }
	t.watch.answer = func(ctx context.Context, q client.Question) error {
		for {
			text, err := t.read(prompt)
			if errors.Is(err, io.EOF) {
				return nil // the run waits for somebody else, or for the default
			}
			if err != nil {
				return fmt.Errorf("read the answer: %w", err)
			}
			if text = strings.TrimSpace(text); text == "" {
				if text = q.DefaultAnswer; text == "" {
					continue
				}
			}
			_, err = t.api.AnswerQuestion(ctx, q.ID, text)
			switch {
			case client.IsCode(err, "BAD_USER_INPUT"):
				t.watch.remark(terminal.CleanLine(err.Error()))
			case client.IsCode(err, "CONFLICT"): // somebody else was first
				t.watch.remark(terminal.CleanLine(err.Error()))
				return nil
			default:
				return err
			}
		}
	}
}

// decisions is what may be typed where an agent wants to be allowed something.
var decisions = map[string]client.Decision{
	"y": {Approve: true}, "yes": {Approve: true},
	"r": {Approve: true, Remember: "RUN"}, "run": {Approve: true, Remember: "RUN"},
	"p": {Approve: true, Remember: "PROJECT"}, "project": {Approve: true, Remember: "PROJECT"},
	"n": {}, "no": {},
}

// decide has who sits at the prompt allow or deny what an agent wants.
func (t *talk) decide(ctx context.Context, prompt terminal.Prompt, a client.Approval) error {
	for {
		t.watch.remark("Allow it? y(es), for this r(un), for the p(roject), n(o)")
		text, err := t.read(prompt)
		if errors.Is(err, io.EOF) {
			return nil // the run waits for somebody else
		}
		if err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
		d, known := decisions[strings.ToLower(strings.TrimSpace(text))]
		if !known {
			continue
		}
		_, err = t.api.ResolveApproval(ctx, a.ID, d)
		switch {
		case client.IsCode(err, "FORBIDDEN"): // a no is still possible
			t.watch.remark(terminal.CleanLine(err.Error()))
		case client.IsCode(err, "CONFLICT"): // somebody else was first
			t.watch.remark(terminal.CleanLine(err.Error()))
			return nil
		default:
			return err
		}
	}
}
