package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gorilla/websocket"
)

const (
	subprotocol = "graphql-transport-ws"
	dialTimeout = 10 * time.Second
	// A ping goes out every pingEvery; a connection that says nothing for silence is dead.
	pingEvery    = 15 * time.Second
	silence      = 40 * time.Second
	writeTimeout = 10 * time.Second
)

// refusedError is an answer that trying again won't change.
type refusedError struct{ err error }

func (e *refusedError) Error() string { return e.err.Error() }
func (e *refusedError) Unwrap() error { return e.err }

type frame struct {
	ID      string          `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// subscribe runs one subscription on a connection of its own until it completes, the
// connection breaks, next fails or ctx ends. A *refusedError is final.
func (c *Client) subscribe(ctx context.Context, query string, variables map[string]any, connected func(), next func(data json.RawMessage) error) error {
	conn, err := c.dial(ctx)
	if err != nil {
		return err
	}
	finished := make(chan struct{})
	keeperDone := make(chan struct{})
	go func() {
		defer close(keeperDone)
		keep(ctx, conn, finished)
	}()
	defer func() {
		close(finished)
		<-keeperDone
		_ = conn.Close()
	}()
	err = c.talk(conn, query, variables, connected, next)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func (c *Client) dial(ctx context.Context) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, res, err := c.dialer.DialContext(ctx, c.socket, nil)
	if res != nil && res.Body != nil {
		_ = res.Body.Close()
	}
	switch {
	case err == nil:
	case res != nil && res.StatusCode < http.StatusInternalServerError && res.StatusCode != http.StatusTooManyRequests:
		return nil, &refusedError{fmt.Errorf("the server refuses a WebSocket: %s", res.Status)}
	default:
		return nil, &UnreachableError{URL: c.options.URL, Err: err}
	}
	if conn.Subprotocol() != subprotocol {
		_ = conn.Close()
		return nil, &refusedError{fmt.Errorf("the server doesn't speak %s", subprotocol)}
	}
	return conn, nil
}

// keep pings, and ends the connection with ctx. Control frames may be written beside
// the frames of talk.
func keep(ctx context.Context, conn *websocket.Conn, finished <-chan struct{}) {
	ticker := time.NewTicker(pingEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			_ = conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeTimeout))
		case <-ctx.Done():
			farewell(conn)
			_ = conn.Close() // wakes the reader
			return
		case <-finished:
			farewell(conn)
			return
		}
	}
}

func farewell(conn *websocket.Conn) {
	bye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	_ = conn.WriteControl(websocket.CloseMessage, bye, time.Now().Add(time.Second))
}

func (c *Client) talk(conn *websocket.Conn, query string, variables map[string]any, connected func(), next func(json.RawMessage) error) error {
	heard := func() error { return conn.SetReadDeadline(time.Now().Add(silence)) }
	conn.SetPongHandler(func(string) error { return heard() })
	conn.SetReadLimit(largestAnswer)

	var credentials json.RawMessage
	if c.options.Key != "" {
		credentials, _ = json.Marshal(map[string]string{"Authorization": "Bearer " + c.options.Key})
	}
	if err := send(conn, frame{Type: "connection_init", Payload: credentials}); err != nil {
		return err
	}
	for {
		_ = heard()
		var in frame
		if err := conn.ReadJSON(&in); err != nil {
			return closed(err)
		}
		switch in.Type {
		case "connection_ack":
			connected()
			payload, err := json.Marshal(request{Query: query, Variables: variables})
			if err != nil {
				return &refusedError{err}
			}
			if err := send(conn, frame{ID: "1", Type: "subscribe", Payload: payload}); err != nil {
				return err
			}
		case "ping":
			if err := send(conn, frame{Type: "pong"}); err != nil {
				return err
			}
		case "next":
			if err := deliver(in.Payload, next); err != nil {
				return err
			}
		case "error":
			var problems []*GraphQLError
			if json.Unmarshal(in.Payload, &problems) != nil || len(problems) == 0 {
				return &refusedError{errors.New("the server ended the subscription with an error that can't be read")}
			}
			return judge(problems[0])
		case "complete":
			return errors.New("the server ended the subscription")
		}
	}
}

func deliver(payload json.RawMessage, next func(json.RawMessage) error) error {
	var result struct {
		Data   json.RawMessage `json:"data"`
		Errors []*GraphQLError `json:"errors"`
	}
	if err := json.Unmarshal(payload, &result); err != nil {
		return &refusedError{fmt.Errorf("decode an event: %w", err)}
	}
	for _, e := range result.Errors {
		if e.Extensions.Code != "NOT_FOUND" || len(result.Data) == 0 {
			return judge(e)
		}
	}
	// What an event is about may be gone, or what that belongs to. One that can't be told
	// without is null, and the next one has its cursor.
	var told struct{ Event *struct{} }
	if err := json.Unmarshal(result.Data, &told); len(result.Errors) > 0 && err == nil && told.Event == nil {
		return nil
	}
	return next(result.Data)
}

// judge lets the server's own troubles be tried again, and nothing else.
func judge(e *GraphQLError) error {
	switch e.Extensions.Code {
	case "INTERNAL", "UNAVAILABLE", "RATE_LIMITED":
		return e
	}
	return &refusedError{e}
}

// closed reads a close code: 44xx means that this client or its credentials are at
// fault, but for 4408 (slow) and 4429; the rest may be tried again.
func closed(err error) error {
	var e *websocket.CloseError
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code {
	case 4403:
		refusal := &GraphQLError{Message: "the server refuses the key: it is wrong, expired or revoked"}
		refusal.Extensions.Code = "UNAUTHENTICATED"
		return &refusedError{refusal}
	case 4400, 4401, 4406, 4409, websocket.CloseInternalServerErr:
		return &refusedError{fmt.Errorf("the server closed the connection: %d %s", e.Code, e.Text)}
	}
	return fmt.Errorf("the server closed the connection: %d %s", e.Code, e.Text)
}

func send(conn *websocket.Conn, f frame) error {
	_ = conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	return conn.WriteJSON(f)
}
