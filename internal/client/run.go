package client

import (
	"context"
	"iter"
	"time"
)

// Run is an agent's work on one message. Error says why it failed.
type Run struct {
	ID         string     `json:"id"`
	State      string     `json:"state"`
	Error      string     `json:"error,omitempty"`
	Step       int        `json:"step"`
	CreatedAt  time.Time  `json:"createdAt"`
	StartedAt  *time.Time `json:"startedAt"`
	FinishedAt *time.Time `json:"finishedAt"`
	Agent      struct {
		Slug string `json:"slug"`
	} `json:"agent"`
	Project struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"project"`
	Message *struct {
		Text string `json:"text"`
	} `json:"message"`
}

// The final states of a run.
const (
	RunSucceeded = "SUCCEEDED"
	RunFailed    = "FAILED"
	RunCancelled = "CANCELLED"
)

// Ended reports whether the run will change no more.
func (r Run) Ended() bool {
	return r.State == RunSucceeded || r.State == RunFailed || r.State == RunCancelled
}

// Message is what Send sends: to go on with a conversation, or to begin one in a
// project. Agent and Model may be empty.
type Message struct {
	ProjectID, ConversationID string
	Text                      string
	Agent, Model              string
}

// Sent is a message that was sent. Run is nil when no agent was asked.
type Sent struct {
	ConversationID string
	Run            *Run
}

// Send sends a message, once, also when the connection breaks on the way or the
// server is away for a moment.
func (c *Client) Send(ctx context.Context, m Message) (Sent, error) {
	input := map[string]any{"text": m.Text, "idempotencyKey": newKey()}
	for name, value := range map[string]string{"agent": m.Agent, "model": m.Model, "conversationId": m.ConversationID} {
		if value != "" {
			input[name] = value
		}
	}
	if m.ConversationID == "" {
		input["projectId"] = m.ProjectID
	}
	var out struct {
		SendMessage struct {
			Message struct{ Conversation struct{ ID string } }
			Run     *Run
		}
	}
	err := c.doSafely(ctx, sendMessageMutation, map[string]any{"input": input}, &out)
	return Sent{ConversationID: out.SendMessage.Message.Conversation.ID, Run: out.SendMessage.Run}, err
}

// Run reads where a run stands.
func (c *Client) Run(ctx context.Context, id string) (Run, error) {
	var out struct{ Run Run }
	err := c.doSafely(ctx, runQuery, map[string]any{"id": id}, &out)
	return out.Run, err
}

// Runs are those of a project, newest first.
func (c *Client) Runs(ctx context.Context, projectID string) iter.Seq2[Run, error] {
	return listInProject[Run](ctx, c, projectRunsQuery, map[string]any{"project": projectID})
}

// CancelRun ends a run, or will soon; one that has ended stays as it is.
func (c *Client) CancelRun(ctx context.Context, id string) (Run, error) {
	var out struct{ CancelRun struct{ Run Run } }
	err := c.doSafely(ctx, cancelRunMutation, object("runId", id), &out)
	return out.CancelRun.Run, err
}
