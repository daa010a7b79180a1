package client

import (
	"context"
	"iter"
	"time"
)

// The kinds of conversations: people and agents, an agent's work on a task, an agent's
// question to another.
const (
	ConversationChat     = "CHAT"
	ConversationTask     = "TASK"
	ConversationQuestion = "QUESTION"
)

// Conversation is a thread of messages. Branch is the one whose files its runs work on.
type Conversation struct {
	ID        string    `json:"id"`
	Title     string    `json:"title"`
	Kind      string    `json:"kind"`
	Branch    string    `json:"branch"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// Conversations are those of a project, newest first: of these kinds, of all where none
// is given.
func (c *Client) Conversations(ctx context.Context, projectID string, kinds ...string) iter.Seq2[Conversation, error] {
	return listInProject[Conversation](ctx, c, conversationsQuery, map[string]any{"project": projectID, "kinds": kinds})
}

// RenameConversation gives a conversation another title.
func (c *Client) RenameConversation(ctx context.Context, id, title string) (Conversation, error) {
	var out struct {
		RenameConversation struct{ Conversation Conversation }
	}
	input := map[string]any{"conversationId": id, "title": title}
	err := c.doSafely(ctx, renameConversationMutation, map[string]any{"input": input}, &out)
	return out.RenameConversation.Conversation, err
}

// DeleteConversation deletes a conversation with its messages.
func (c *Client) DeleteConversation(ctx context.Context, id string) error {
	var out struct{}
	return c.Do(ctx, deleteConversationMutation, object("conversationId", id), &out)
}

// ForkConversation begins a conversation that goes on from a message, once, also when the
// connection breaks on the way. title may be empty.
func (c *Client) ForkConversation(ctx context.Context, messageID, title string) (Conversation, error) {
	var out struct {
		ForkConversation struct{ Conversation Conversation }
	}
	input := map[string]any{"messageId": messageID, "idempotencyKey": newKey()}
	if title != "" {
		input["title"] = title
	}
	err := c.doSafely(ctx, forkConversationMutation, map[string]any{"input": input}, &out)
	return out.ForkConversation.Conversation, err
}

// EditMessage says a message of the viewer's anew, once, also when the connection breaks on
// the way. With interrupt the runs of a busy conversation are cancelled first.
func (c *Client) EditMessage(ctx context.Context, messageID, text string, interrupt bool) (Sent, error) {
	input := map[string]any{"messageId": messageID, "text": text, "idempotencyKey": newKey()}
	if interrupt {
		input["whileBusy"] = "INTERRUPT"
	}
	var out struct {
		EditMessage struct {
			Message struct{ Conversation struct{ ID string } }
			Run     *Run
		}
	}
	err := c.doSafely(ctx, editMessageMutation, map[string]any{"input": input}, &out)
	return Sent{ConversationID: out.EditMessage.Message.Conversation.ID, Run: out.EditMessage.Run}, err
}
