package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/zeblit/zeblit/internal/client"
	"github.com/zeblit/zeblit/internal/terminal"
)

// spinnerPace is the time between two frames of the spinner.
const spinnerPace = 120 * time.Millisecond

// errLeft says that the person went away from a run that goes on.
var errLeft = errors.New("interrupted")

// watch shows runs on a console, for people or for programs.
type watch struct {
	c    console
	json bool
	show *terminal.Transcript // for programs it prints nothing, and keeps the state
	// answer and decide are asked when an agent asks, or wants to be allowed something;
	// nil: nobody is there to answer.
	answer func(context.Context, client.Question) error
	decide func(context.Context, client.Approval) error
}

func newWatch(c console, json bool) *watch {
	if json {
		return &watch{c: c, json: true, show: terminal.NewTranscript(io.Discard, terminal.Style{}, false)}
	}
	return &watch{c: c, show: terminal.NewTranscript(c.out, c.style(), c.terminal)}
}

// notice tells of the connection. Programs read events only, so there it goes to
// standard error.
func (w *watch) notice(s string) {
	if w.json {
		_, _ = fmt.Fprintf(w.c.err, "[%s]\n", s)
		return
	}
	w.show.Note("[" + s + "]")
}

// follow shows a run from its start to its end. A run that failed is an error. With
// cancels, the first Ctrl-C cancels the run and the second one leaves; without, the
// first one leaves. Whoever leaves gets a codeError of exitInterrupted.
func (w *watch) follow(ctx context.Context, api *client.Client, run client.Run, cancels bool) error {
	w.show.Begin(client.Run{ID: run.ID, Project: run.Project})
	pressed := make(chan struct{}, 2) // more of them say nothing new
	defer w.c.interrupts.handle(func() {
		select {
		case pressed <- struct{}{}:
		default:
		}
	})()

	within, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	defer group.Wait()
	defer cancel()
	events, crew := make(chan client.Event), make(chan client.Event) // unbuffered: a slow terminal slows the reading, no more
	pass := func(to chan<- client.Event) func(client.Event) error {
		return func(e client.Event) error {
			select {
			case to <- e:
				return nil
			case <-within.Done():
				return within.Err()
			}
		}
	}
	ended := make(chan error, 2)
	begun := false
	group.Go(func() {
		ended <- api.RunEvents(within, run.ID, client.Start, func(e client.Event) error {
			if !begun {
				begun = true
				group.Go(func() { ended <- api.CrewEvents(within, run.Project.ID, run.ID, e.Cursor, pass(crew)) })
			}
			return pass(events)(e)
		})
	})
	refused := make(chan error, 1) // of the wish to cancel
	ticker := time.NewTicker(spinnerPace)
	defer ticker.Stop()
	defer w.show.End()
	for asked := false; ; {
		select {
		case e := <-events:
			over, err := w.event(ctx, api, e)
			if err != nil {
				return err
			}
			if over {
				return w.finish(ctx, api, run.Project.ID, asked)
			}
		case e := <-crew:
			if err := w.crewEvent(ctx, e); err != nil {
				return err
			}
		case <-pressed:
			if !cancels || asked {
				w.show.End()
				return &codeError{exitInterrupted, fmt.Errorf("%w: the run goes on at the server; see it with: zeblit run watch %s", errLeft, run.ID)}
			}
			asked = true
			w.remark("(cancelling; Ctrl-C again leaves)")
			group.Go(func() {
				if _, err := api.CancelRun(within, run.ID); err != nil {
					refused <- fmt.Errorf("cancel the run: %w", err)
				}
			})
		case err := <-refused:
			return err
		case err := <-ended:
			return err
		case <-ticker.C:
			w.show.Tick()
		}
	}
}

// event shows what happened, and reports whether the run is over.
func (w *watch) event(ctx context.Context, api *client.Client, e client.Event) (over bool, err error) {
	if w.json {
		if _, err := fmt.Fprintf(w.c.out, "%s\n", e.Raw); err != nil {
			return false, err
		}
	}
	w.show.Event(e)
	if err := w.asked(ctx, e); err != nil {
		return false, err
	}
	if e.Type == "StreamReset" {
		// The events between are gone; where the run stands is not.
		now, err := api.Run(ctx, w.show.Run().ID)
		if err != nil {
			return false, err
		}
		w.show.SetRun(now)
	}
	return w.show.Run().Ended(), nil
}

// crewEvent shows what happened among the agents that work for the run.
func (w *watch) crewEvent(ctx context.Context, e client.Event) error {
	if w.json {
		if _, err := fmt.Fprintf(w.c.out, "%s\n", e.Raw); err != nil {
			return err
		}
	}
	w.show.CrewEvent(e)
	return w.asked(ctx, e)
}

// asked has who is there answer what people are asked by e, if they are.
func (w *watch) asked(ctx context.Context, e client.Event) error {
	switch {
	case e.Type == "QuestionAsked" && w.answer != nil:
		return w.answer(ctx, e.Question)
	case e.Type == "QuestionAsked":
		w.remark("Answer with: zeblit questions answer " + e.Question.ID + " TEXT")
	case e.Type == "ApprovalRequested" && w.decide != nil:
		return w.decide(ctx, e.Approval)
	case e.Type == "ApprovalRequested":
		w.remark("Answer with: zeblit approvals approve " + e.Approval.ID + ", or deny")
	}
	return nil
}

func (w *watch) remark(s string) {
	if w.json {
		_, _ = fmt.Fprintln(w.c.err, s)
		return
	}
	w.show.Note(s)
}

// finish lists what the run wrote, and says how it ended.
func (w *watch) finish(ctx context.Context, api *client.Client, projectID string, asked bool) error {
	if !w.json {
		tasks, err := api.Tasks(ctx, w.show.Run().ID)
		if err != nil {
			return err
		}
		w.show.Tasks(tasks) // what the end of the run was faster than
		var files []client.File
		for _, path := range w.show.Written() {
			file, err := api.File(ctx, projectID, path)
			if client.IsCode(err, "NOT_FOUND") {
				continue // removed meanwhile
			}
			if err != nil {
				return err
			}
			files = append(files, file)
		}
		w.show.Files(files)
	}
	run := w.show.Run()
	switch {
	case run.State == client.RunSucceeded:
		return nil
	case run.State == client.RunCancelled && asked:
		return &codeError{exitInterrupted, errors.New("the run was cancelled")}
	case run.Error != "":
		return errors.New(run.Error)
	}
	return errors.New("the run was " + strings.ToLower(run.State))
}
