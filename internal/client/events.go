package client

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Start is the cursor before a stream's first event.
const Start = "start"

// Event is one thing that happened in a project. Type is the GraphQL type's name and
// says which of the other fields are set.
type Event struct {
	// Raw is the event as the server sent it, a JSON object.
	Raw json.RawMessage `json:"-"`

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
	Question  Question
	Approval  Approval
	Task      Task
	Path      string
	Change    string
	Reason    string
}

// ToolCall is one use of a tool. Input is a JSON object as the model wrote it.
type ToolCall struct {
	ID, Name, Input, Output, State string
	Run                            *Worker // in CrewEvents
}

// About is what the call's input names: the path or the command, or "".
func (t ToolCall) About() string {
	var input struct {
		Path, Shell string
		Argv        []string
	}
	_ = json.Unmarshal([]byte(t.Input), &input) // not an object: it names nothing
	return cmp.Or(input.Path, input.Shell, strings.Join(input.Argv, " "))
}

// ErrStop, returned by a handler of events, ends the subscription without an error.
var ErrStop = errors.New("stop")

// ProjectEvents hands over everything that happens in a project after a cursor (Start
// for all, "" from now on), in order, each event once, until handle returns ErrStop or
// another error, or ctx ends. A cut connection is made again with growing pauses, and
// goes on after the last event that was handed over; it gives up when the server
// refuses, or can't be reached for GiveUpAfter. (With "", what happens before the
// first event that arrives can be missed.)
func (c *Client) ProjectEvents(ctx context.Context, projectID, after string, handle func(Event) error) error {
	return c.follow(ctx, projectEventsSubscription, projectID, after, handle)
}

// RunEvents does the same with what concerns one run.
func (c *Client) RunEvents(ctx context.Context, runID, after string, handle func(Event) error) error {
	return c.follow(ctx, runEventsSubscription, runID, after, handle)
}

func (c *Client) follow(ctx context.Context, subscription, id, after string, handle func(Event) error) error {
	since, failures := time.Time{}, 0 // of the last connection's loss
	for {
		var fromHandler error
		var begun time.Time // of what the server acknowledged
		dialed := time.Now()
		connected := func() {
			c.outage.reached()
			begun = time.Now()
		}
		err := c.subscribe(ctx, subscription, position(id, after), connected, func(data json.RawMessage) error {
			event, err := decodeEvent(data)
			if err != nil {
				return &refusedError{err}
			}
			since, failures = time.Time{}, 0
			if fromHandler = handle(event); fromHandler != nil {
				return fromHandler
			}
			after = event.Cursor
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
		if begun.IsZero() {
			c.outage.lost(dialed)
		} else {
			c.outage.broke(begun)
		}
		// One that only acknowledges, and ends what is asked for, is not back.
		if !begun.IsZero() && time.Since(begun) > longestPause {
			since, failures = time.Time{}, 0
		}
		if since.IsZero() {
			since = time.Now()
		}
		wait := backoff(failures)
		var limited *GraphQLError
		if errors.As(err, &limited) {
			wait = max(wait, time.Duration(limited.Extensions.RetryAfter)*time.Second)
		}
		if time.Since(since)+wait > c.options.GiveUpAfter {
			var unreachable *UnreachableError
			if !errors.As(err, &unreachable) {
				err = &UnreachableError{URL: c.options.URL, Err: err}
			}
			return c.gaveUp(err)
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
		failures++
	}
}

func decodeEvent(data json.RawMessage) (Event, error) {
	var out struct{ Event json.RawMessage }
	var event Event
	err := json.Unmarshal(data, &out)
	if err == nil {
		err = json.Unmarshal(out.Event, &event)
	}
	if err != nil {
		return event, fmt.Errorf("decode an event: %w", err)
	}
	event.Raw = out.Event
	return event, nil
}

func position(id, after string) map[string]any {
	variables := map[string]any{"id": id}
	if after != "" {
		variables["after"] = after
	}
	return variables
}
