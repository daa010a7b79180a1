package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// spoken is a message that was sent.
type spoken struct {
	run, conversation string
	at                time.Time // before it was sent
}

const sendMutation = `mutation($input: SendMessageInput!) {
	sendMessage(input: $input) { message { conversation { id } } run { id } } }`

// say sends a message to an agent: in a conversation, or in a new one of the project.
func (p *product) say(ctx context.Context, project, conversation, agent, busy, text string) (spoken, error) {
	input := map[string]any{"text": text, "agent": agent}
	if conversation == "" {
		input["projectId"] = project
	} else {
		input["conversationId"] = conversation
	}
	if busy != "" {
		input["whileBusy"] = busy
	}
	var out struct {
		SendMessage struct {
			Message struct{ Conversation struct{ ID string } }
			Run     struct{ ID string }
		}
	}
	s := spoken{at: time.Now()}
	err := p.Do(ctx, sendMutation, map[string]any{"input": input}, &out)
	s.run, s.conversation = out.SendMessage.Run.ID, out.SendMessage.Message.Conversation.ID
	return s, err
}

// asked waits until the model was asked with a name.
func (p *product) asked(ctx context.Context, name string) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		if at, _ := p.model.when(name); !at.IsZero() {
			return at, nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return time.Time{}, fmt.Errorf("wait until the model is asked with %s: %w", name, ctx.Err())
		}
	}
}

// sound holds a conversation to what models want of one: each tool call has come to an end
// with a result, and the next message is answered. The scripted model refuses, as the
// vendors do, a transcript in which a call has no result.
func (p *product) sound(ctx context.Context, f *feed, project, conversation, agent, run, name string) error {
	var out struct {
		Run struct {
			ToolCalls struct {
				Nodes []struct{ Name, State, Output string }
			}
		}
	}
	if err := p.Do(ctx, `query($id: ID!) { run(id: $id) { toolCalls(first: 100) { nodes { name state output } } } }`, map[string]any{"id": run}, &out); err != nil {
		return err
	}
	for _, c := range out.Run.ToolCalls.Nodes {
		if !strings.Contains("DONE FAILED INTERRUPTED", c.State) || c.Output == "" {
			return fmt.Errorf("after run %s had ended its call of %s was %s with the result %q", run, c.Name, c.State, c.Output)
		}
	}
	next, err := p.say(ctx, project, conversation, agent, "", "SAY 1 "+name)
	if err != nil {
		return err
	}
	_, err = f.state(ctx, next.run, "SUCCEEDED")
	return err
}
