package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/zeblit/zeblit/internal/client"
	"github.com/zeblit/zeblit/internal/terminal"
)

const (
	// longestName is how much of a request becomes its project's name, in characters.
	longestName = 60
	// longestText is how much of a message is read from standard input, in bytes: more
	// than the API takes.
	longestText = 1 << 20
	// noAgent, instead of an agent, speaks to the people in the project only.
	noAgent = "none"
)

type chatCommand struct {
	target
	Project string   `name:"project" env:"ZEBLIT_PROJECT" placeholder:"ID|NAME" help:"A project's id, else the latest project of that name, else a new one of that name. Default: a new one, named after the text."`
	Agent   string   `name:"agent" placeholder:"SLUG" help:"Who is to answer; zeblit agents lists them."`
	Model   string   `name:"model" placeholder:"NAME" help:"The model to use; zeblit models lists them."`
	JSON    bool     `name:"json" help:"Each event as one line, as the API gives it."`
	Text    []string `arg:"" optional:"" help:"What you want, in your own words. Without it: a conversation, a line at a time. -: read it from standard input."`
}

func (f *chatCommand) Run(ctx context.Context, c console) error {
	text := strings.TrimSpace(strings.Join(f.Text, " "))
	switch {
	case text == "-":
		done := c.reading(nil)
		raw, err := io.ReadAll(io.LimitReader(c.in, longestText))
		done()
		if err != nil {
			return fmt.Errorf("read standard input: %w", err)
		}
		if text = strings.TrimSpace(string(raw)); text == "" {
			return &codeError{exitUsage, errors.New("standard input is empty")}
		}
	case text == "" && len(f.Text) > 0:
		return &codeError{exitUsage, errors.New("say what you want, as in: zeblit chat \"Build a to-do list page\"")}
	}
	show := newWatch(c, f.JSON)
	return f.with(ctx, c, show.notice, func(api *client.Client) error {
		t := &talk{f: f, c: c, api: api, watch: show}
		if text != "" {
			if c.interactive() {
				t.answers(terminal.NewPrompt(c.in, t.words(), c.style()))
			}
			return t.say(ctx, text)
		}
		return t.interactive(ctx)
	})
}

// talk is one conversation with the agents.
type talk struct {
	f            *chatCommand
	c            console
	api          *client.Client
	watch        *watch
	project      client.Project // once it is open
	made         bool           // it is new, for a message that isn't sent yet
	announced    string         // the project that was told of
	conversation string         // once it has begun
}

// say sends one message and shows the run that answers it, to its end.
func (t *talk) say(ctx context.Context, text string) error {
	if err := t.open(ctx, text); err != nil {
		return err
	}
	sent, err := t.api.Send(ctx, client.Message{
		ProjectID: t.project.ID, ConversationID: t.conversation, Text: text, Agent: t.f.Agent, Model: t.f.Model,
	})
	if err != nil {
		t.withdraw(ctx, err)
		return err
	}
	t.conversation, t.made = sent.ConversationID, false
	if err := t.announce(); err != nil {
		return err
	}
	if sent.Run == nil {
		t.watch.remark("Sent. No agent was asked.")
		return nil
	}
	return t.watch.follow(ctx, t.api, *sent.Run, true)
}

// open finds or makes the project, at the first call.
func (t *talk) open(ctx context.Context, text string) (err error) {
	if t.project.ID != "" {
		return nil
	}
	if err := t.checkAgent(ctx); err != nil { // before there is a project with nothing in it
		return err
	}
	var none *client.NoProjectError
	if t.f.Project == "" {
		t.project, err = t.api.CreateProject(ctx, nameFrom(text))
		t.made = true
	} else if t.project, err = t.api.Project(ctx, t.f.Project); errors.As(err, &none) {
		t.project, err = t.api.CreateProject(ctx, none.Name)
		t.made = true
	}
	if err != nil {
		return err
	}
	return nil
}

// announce says which project it is, once.
func (t *talk) announce() error {
	if t.announced == t.project.ID {
		return nil
	}
	t.announced = t.project.ID
	_, err := fmt.Fprintf(t.words(), "Project %s (%s)\n\n", t.c.style().Bold(terminal.CleanLine(t.project.Name)), t.project.ID)
	return err
}

// withdraw deletes the project that was made for a message which the server refused:
// nobody asked for an empty one. That it fails is nothing beside the refusal.
func (t *talk) withdraw(ctx context.Context, refusal error) {
	var refused *client.GraphQLError
	if t.made && t.conversation == "" && errors.As(refusal, &refused) {
		_ = t.api.DeleteProject(ctx, t.project.ID)
		t.project, t.made = client.Project{}, false
	}
}

func (t *talk) checkAgent(ctx context.Context) error {
	if t.f.Agent == "" || t.f.Agent == noAgent {
		return nil
	}
	for agent, err := range t.api.Agents(ctx) {
		if err != nil {
			return err
		}
		if agent.Slug == t.f.Agent {
			return nil
		}
	}
	return &codeError{exitUsage, fmt.Errorf("there is no agent %q: zeblit agents lists them", t.f.Agent)}
}

// interactive reads messages until the person leaves. On a terminal a run that fails
// or is cancelled doesn't end the conversation; a program that writes into a pipe
// hears of the first failure.
func (t *talk) interactive(ctx context.Context) error {
	if t.f.Project != "" {
		if err := t.open(ctx, ""); err != nil {
			return err
		}
		t.made = false // it was asked for by name, before there is a message
		if err := t.announce(); err != nil {
			return err
		}
	}
	prompt := terminal.NewPrompt(t.c.in, t.words(), t.c.style())
	t.answers(prompt)
	for {
		text, err := t.read(prompt)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the message: %w", err)
		}
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		if err = t.say(ctx, text); err != nil {
			if !t.c.interactive() || ctx.Err() != nil || !goesOn(err) {
				return err
			}
			_, _ = fmt.Fprintln(t.words(), t.c.style().Red(terminal.Clean(err.Error())))
		}
		_, _ = fmt.Fprintln(t.words())
	}
}

// read waits for a message.
func (t *talk) read(prompt terminal.Prompt) (string, error) {
	defer t.c.reading(prompt.Restore)()
	return prompt.Read()
}

// words is where what isn't an event goes: programs read events only.
func (t *talk) words() io.Writer {
	if t.f.JSON {
		return t.c.err
	}
	return t.c.out
}

// goesOn reports whether a conversation can go on after an error.
func goesOn(err error) bool {
	var unreachable *client.UnreachableError
	return !errors.As(err, &unreachable) && !client.IsCode(err, "UNAUTHENTICATED") && !errors.Is(err, errLeft)
}

// nameFrom makes a project's name of a request: its first line, cut at a word.
func nameFrom(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	line = strings.TrimRightFunc(strings.Join(strings.Fields(line), " "), func(r rune) bool { return r == '.' || r == '!' || r == '?' })
	line = strings.TrimSpace(terminal.Clean(line)) // the API takes no control characters in a name
	if line == "" {
		return "New project"
	}
	if utf8.RuneCountInString(line) <= longestName {
		return line
	}
	short := string([]rune(line)[:longestName])
	if at := strings.LastIndex(short, " "); at > len(short)/2 {
		short = short[:at]
	}
	return strings.TrimRightFunc(short, unicode.IsPunct) + "…"
}
