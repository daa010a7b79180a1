package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Event is one thing that happened in a project. Type is the GraphQL type's name and
// says which of the other fields are set.
type Event struct {
	Type      string `json:"__typename"`
	Cursor    string
	Seq       int64
	MessageID string
	RunID     string
	Text      string
	Message   struct{ ID, Role, Status string }
	Run       Run
	State     string
	ToolCall  ToolCall
	Path      string
	Change    string
	Reason    string
}

// ToolCall is one use of a tool. Input is a JSON object as the model wrote it.
type ToolCall struct {
	ID, Name, Input, Output, State string
}

// Path is the path in the call's input, or "".
func (t ToolCall) Path() string {
	var input struct{ Path string }
	_ = json.Unmarshal([]byte(t.Input), &input) // not an object: no path
	return input.Path
}

// ErrStop, returned by a handler of Events, ends it without an error.
var ErrStop = errors.New("stop")

// Events hands over everything that happens in a project after a cursor ("start" for
// all, "" from now on), in order, each event once, until handle returns ErrStop or another
// error, or ctx ends. A cut connection is made again with growing pauses; Events gives
// up when the server refuses, or can't be reached for GiveUpAfter. (With "", what happens
// before the first event that arrives can be missed.)
func (c *Client) Events(ctx context.Context, projectID, after string, handle func(Event) error) error {
	cut, failures := time.Time{}, 0
	for {
		var fromHandler error
		connected := func() {
			if failures > 0 {
				c.options.Notice("connected again")
			}
			cut, failures = time.Time{}, 0
		}
		err := c.subscribe(ctx, eventsSubscription, position(projectID, after), connected, func(data json.RawMessage) error {
			var out struct{ ProjectEvents Event }
			if err := json.Unmarshal(data, &out); err != nil {
				return &refusedError{fmt.Errorf("decode an event: %w", err)}
			}
			if fromHandler = handle(out.ProjectEvents); fromHandler != nil {
				return fromHandler
			}
			after = out.ProjectEvents.Cursor
			return nil
		})
		var refused *refusedError
		switch {
		case errors.Is(fromHandler, ErrStop):
			return nil
		case fromHandler != nil:
			return fromHandler
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &refused):
			return refused.err
		}
		if failures == 0 {
			cut = time.Now()
			c.options.Notice("the connection was cut, trying again")
		}
		if time.Since(cut) > c.options.GiveUpAfter {
			return fmt.Errorf("gave up after %s: %w", c.options.GiveUpAfter, err)
		}
		if pause(ctx, backoff(failures)) != nil {
			return ctx.Err()
		}
		failures++
	}
}

func position(projectID, after string) map[string]any {
	variables := map[string]any{"project": projectID}
	if after != "" {
		variables["after"] = after
	}
	return variables
}
