// Package client speaks Zeblit's public API as any other client would: GraphQL by HTTP
// POST, and project events over graphql-transport-ws. It knows nothing of the server's
// inside.
//
// Events go on after a cut connection where they stopped: the client subscribes again
// after the last cursor that it handed over, so none is lost and none comes twice.
package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

const largestAnswer = 16 << 20

// Options of New.
type Options struct {
	URL string // the server's address, such as http://127.0.0.1:8080
	Key string // an access token or an API key
	// Notice, when set, is told once when a server that had answered is gone, and
	// once when it is back: ConnectionLost and Resumed. It may be called from
	// several goroutines, never at once.
	Notice func(string)
	// GiveUpAfter is how long a server that had answered is waited for. 0: two minutes.
	GiveUpAfter time.Duration
	// RequestTimeout is how long one query or mutation may take. 0: 30 seconds. Files
	// are sent and had in ten minutes.
	RequestTimeout time.Duration
}

// Client is a connection to one server. Its methods may be called from several goroutines.
type Client struct {
	graphql string
	socket  string
	options Options
	http    *http.Client
	dialer  *websocket.Dialer
	outage  outage
}

// New checks the address and the key's form. It doesn't connect.
func New(o Options) (*Client, error) {
	u, err := url.Parse(strings.TrimRight(o.URL, "/"))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("the server's address must begin with http:// or https://")
	}
	if strings.ContainsFunc(o.Key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errors.New("the key has a space, a line break or another character that no key has")
	}
	if o.GiveUpAfter == 0 {
		o.GiveUpAfter = 2 * time.Minute
	}
	if o.RequestTimeout == 0 {
		o.RequestTimeout = 30 * time.Second
	}
	u = u.JoinPath("graphql")
	socket := *u
	socket.Scheme = "ws" + strings.TrimPrefix(u.Scheme, "http")
	return &Client{
		graphql: u.String(),
		socket:  socket.String(),
		options: o,
		http: &http.Client{
			Transport: transport,
			// A redirect would take the key elsewhere.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		outage: outage{notice: o.Notice},
		dialer: &websocket.Dialer{
			Proxy:            http.ProxyFromEnvironment,
			HandshakeTimeout: dialTimeout,
			Subprotocols:     []string{subprotocol},
		},
	}, nil
}

// UnreachableError says that no server answered at an address.
type UnreachableError struct {
	URL string
	Err error
	// After is how long a server that had answered before was waited for; 0 when
	// none ever did.
	After time.Duration
}

func (e *UnreachableError) Error() string {
	if e.After > 0 {
		return fmt.Sprintf("the server at %s has been away for %s: %v", e.URL, e.After, e.Err)
	}
	return fmt.Sprintf("no server answers at %s: %v", e.URL, e.Err)
}
func (e *UnreachableError) Unwrap() error { return e.Err }

// GraphQLError is the first error that the server reported.
type GraphQLError struct {
	Message    string `json:"message"`
	Extensions struct {
		Code      string `json:"code"`
		Field     string `json:"field"`
		Reference string `json:"reference"`
		// RetryAfter is in seconds; 0 when the server says nothing.
		RetryAfter int `json:"retryAfter"`
	} `json:"extensions"`
}

func (e *GraphQLError) Error() string {
	s := e.Message
	if e.Extensions.Code != "" {
		s += " (" + e.Extensions.Code
		if e.Extensions.Field != "" {
			s += ", field " + e.Extensions.Field
		}
		s += ")"
	}
	if e.Extensions.Reference != "" {
		s += ", reference " + e.Extensions.Reference
	}
	return s
}

// IsCode reports whether the server refused with that code.
func IsCode(err error, code string) bool {
	var e *GraphQLError
	return errors.As(err, &e) && e.Extensions.Code == code
}

type request struct {
	Query     string         `json:"query"`
	Variables map[string]any `json:"variables,omitempty"`
}

// Do sends one query or mutation and decodes its data into out. It is not repeated.
func (c *Client) Do(ctx context.Context, query string, variables map[string]any, out any) error {
	body, err := json.Marshal(request{Query: query, Variables: variables})
	if err != nil {
		return fmt.Errorf("encode the request: %w", err)
	}
	limited, cancel := context.WithTimeout(ctx, c.options.RequestTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(limited, http.MethodPost, c.graphql, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/graphql-response+json, application/json;q=0.9")
	if c.options.Key != "" {
		req.Header.Set("Authorization", "Bearer "+c.options.Key)
	}
	res, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &UnreachableError{URL: c.options.URL, Err: rootOf(err)}
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(res.Body, largestAnswer))
	if err != nil {
		return &UnreachableError{URL: c.options.URL, Err: rootOf(err)}
	}
	var answer struct {
		Data   json.RawMessage `json:"data"`
		Errors []*GraphQLError `json:"errors"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		if res.StatusCode >= 500 {
			return &UnreachableError{URL: c.options.URL, Err: fmt.Errorf("status %s", res.Status)}
		}
		return fmt.Errorf("%s is no Zeblit server: it answered %s without GraphQL", c.options.URL, res.Status)
	}
	c.outage.reached()
	if len(answer.Errors) > 0 {
		return answer.Errors[0]
	}
	if len(answer.Data) == 0 {
		return fmt.Errorf("%s answered %s without data", c.options.URL, res.Status)
	}
	if err := json.Unmarshal(answer.Data, out); err != nil {
		return fmt.Errorf("decode the server's answer: %w", err)
	}
	return nil
}

// newKey makes an idempotency key.
func newKey() string { return rand.Text() }

// rootOf drops the method and address that net/http puts before an error.
func rootOf(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}
