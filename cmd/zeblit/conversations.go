package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/zeblit/zeblit/internal/client"
	"github.com/zeblit/zeblit/internal/terminal"
)

type conversationsCommand struct {
	List   conversationsListCommand   `cmd:"" help:"List a project's conversations, newest first: those with people."`
	Rename conversationsRenameCommand `cmd:"" help:"Give a conversation another title."`
	Delete conversationsDeleteCommand `cmd:"" help:"Delete a conversation with its messages; what works in it is cancelled."`
	Fork   conversationsForkCommand   `cmd:"" help:"Go on from a message in another conversation, on a branch of its own."`
	Edit   conversationsEditCommand   `cmd:"" help:"Say a message of yours anew, and have it answered."`
}

type conversationsListCommand struct {
	target
	format
	Project string `name:"project" env:"ZEBLIT_PROJECT" required:"" placeholder:"ID|NAME" help:"Of this project."`
	All     bool   `name:"all" short:"a" help:"Those of tasks and between agents as well."`
	Limit   int    `name:"limit" default:"20" placeholder:"N" help:"How many at most."`
}

func (f *conversationsListCommand) Run(ctx context.Context, c console) error {
	if f.Limit < 1 {
		return &codeError{exitUsage, errors.New("--limit must be 1 or more")}
	}
	return f.with(ctx, c, nil, func(api *client.Client) error {
		p, err := api.Project(ctx, f.Project)
		if err != nil {
			return err
		}
		kinds := []string{client.ConversationChat}
		if f.All {
			kinds = nil
		}
		all, err := take(api.Conversations(ctx, p.ID, kinds...), f.Limit)
		if err != nil {
			return err
		}
		return writeList(c, f.format, sequence(all), []string{"ID", "KIND", "LAST", "BRANCH", "TITLE"}, func(v client.Conversation) []string {
			return []string{v.ID, strings.ToLower(v.Kind), terminal.Time(v.UpdatedAt), terminal.Shorten(v.Branch, 36), terminal.Shorten(v.Title, 60)}
		})
	})
}

type conversationsRenameCommand struct {
	target
	format
	ID    string `arg:"" help:"The conversation's id."`
	Title string `arg:"" help:"1–80 characters."`
}

func (f *conversationsRenameCommand) Run(ctx context.Context, c console) error {
	return f.with(ctx, c, nil, func(api *client.Client) error {
		v, err := api.RenameConversation(ctx, f.ID, f.Title)
		if err != nil {
			return err
		}
		return f.show(c, v)
	})
}

func (f format) show(c console, v client.Conversation) error {
	if f.JSON {
		return writeJSON(c.out, v)
	}
	_, err := fmt.Fprintf(c.out, "%s  %s  %s\n", v.ID, v.Branch, terminal.CleanLine(v.Title))
	return err
}

type conversationsDeleteCommand struct {
	target
	ID  string `arg:"" help:"The conversation's id."`
	Yes bool   `name:"yes" short:"y" help:"Don't ask."`
}

func (f *conversationsDeleteCommand) Run(ctx context.Context, c console) error {
	if !f.Yes && !c.interactive() {
		return &codeError{exitUsage, errors.New("deleting can't be undone: say --yes")}
	}
	if !f.Yes && !c.agrees(fmt.Sprintf("Delete %s with its messages?", terminal.CleanLine(f.ID))) {
		return errors.New("nothing was deleted")
	}
	return f.with(ctx, c, nil, func(api *client.Client) error {
		if err := api.DeleteConversation(ctx, f.ID); err != nil {
			return err
		}
		_, err := fmt.Fprintf(c.out, "Deleted %s.\n", terminal.CleanLine(f.ID))
		return err
	})
}

type conversationsForkCommand struct {
	target
	format
	Message string `arg:"" help:"The message's id."`
	Title   string `name:"title" placeholder:"TITLE" help:"The new conversation's. Default: the same."`
}

func (f *conversationsForkCommand) Run(ctx context.Context, c console) error {
	return f.with(ctx, c, nil, func(api *client.Client) error {
		v, err := api.ForkConversation(ctx, f.Message, f.Title)
		if err != nil {
			return err
		}
		return f.show(c, v)
	})
}

type conversationsEditCommand struct {
	target
	format
	Message   string `arg:"" help:"The message's id."`
	Text      string `arg:"" help:"What takes its place."`
	Interrupt bool   `name:"interrupt" help:"Cancel what works in the conversation first."`
}

func (f *conversationsEditCommand) Run(ctx context.Context, c console) error {
	return f.with(ctx, c, nil, func(api *client.Client) error {
		sent, err := api.EditMessage(ctx, f.Message, f.Text, f.Interrupt)
		if err != nil || sent.Run == nil {
			return err
		}
		if f.JSON {
			return writeJSON(c.out, sent.Run)
		}
		_, err = fmt.Fprintf(c.out, "%s  %s\n", sent.Run.ID, sent.Run.State)
		return err
	})
}
