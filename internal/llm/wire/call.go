package wire

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"

	"github.com/zeblit/zeblit/internal/llm"
)

// maxErrorBody bounds how much of an error's body is read.
const maxErrorBody = 64 << 10

// Call watches one streaming request. It is the SDK's middleware: it turns every
// answer that isn't an event stream into an *llm.Error, and ends a stalled one.
type Call struct {
	parent  context.Context
	ctx     context.Context
	cancel  context.CancelCauseFunc
	watch   *watch
	secrets []string
	begun   bool // the stream's headers are here
}

// NewCall begins a call under ctx. Secrets never get into its errors. Stop must be
// called when it is over.
func NewCall(ctx context.Context, limits Limits, secrets ...string) *Call {
	c := &Call{parent: ctx, secrets: secrets}
	c.ctx, c.cancel = context.WithCancelCause(ctx)
	c.watch = newWatch(limits, c.cancel)
	return c
}

// Context is what the request is made with.
func (c *Call) Context() context.Context { return c.ctx }

// Stop releases what the call holds, the connection included.
func (c *Call) Stop() {
	c.watch.stop()
	c.cancel(nil)
}

// Event tells that an event of the answer has come, not just a sign of life.
func (c *Call) Event() { c.watch.left = c.watch.event }

// Closing tells that the answer is over: the vendor may only close the stream, and
// isn't waited for long.
func (c *Call) Closing() { c.watch.allow(min(closing, c.watch.between)) }

// RoundTrip is a middleware for either SDK.
func (c *Call) RoundTrip(req *http.Request, next func(*http.Request) (*http.Response, error)) (*http.Response, error) {
	res, err := next(req)
	if err != nil {
		return nil, err
	}
	if refusal := c.refused(res); refusal != nil {
		_ = res.Body.Close()
		return nil, refusal
	}
	c.begun = true
	res.Body = &unmarked{ReadCloser: &watchedBody{ReadCloser: res.Body, watch: c.watch}}
	return res, nil
}

func (c *Call) refused(res *http.Response) *llm.Error {
	media, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if res.StatusCode == http.StatusOK && (media == "text/event-stream" || media == "") {
		return nil
	}
	body, _ := io.ReadAll(io.LimitReader(res.Body, maxErrorBody))
	if refusal := c.unsuccessful(res, body); refusal != nil {
		return refusal
	}
	return c.unexpected(res, "an event stream")
}

func hasError(body []byte) bool {
	var b struct{ Error json.RawMessage }
	return json.Unmarshal(body, &b) == nil && len(b.Error) > 0 && string(b.Error) != "null"
}

// Failed is what a provider returns for an error of the SDK or of its stream: the
// context's error when the caller ended the call, else an *llm.Error.
func (c *Call) Failed(err error) error {
	if ended := c.parent.Err(); ended != nil {
		return ended
	}
	if e, ok := errors.AsType[*llm.Error](err); ok {
		return e
	}
	if _, ok := errors.AsType[*json.SyntaxError](err); ok {
		return c.Garbled("an event of the stream is not JSON: %s", err)
	}
	if errors.Is(err, bufio.ErrTooLong) {
		return c.Unreadable("a line of the stream is too long")
	}
	kind, what := llm.KindUnavailable, "no connection"
	if c.begun {
		kind, what = llm.KindCut, "the stream broke off"
	}
	if stalled, ok := errors.AsType[*stall](context.Cause(c.ctx)); ok {
		err = stalled
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err // its URL may hold a password
	}
	return &llm.Error{Kind: kind, Message: Redact(fmt.Sprintf("%s: %s", what, err), c.secrets...), Err: err}
}

// Ended is what a provider returns when the stream is over and the answer isn't.
func (c *Call) Ended() error {
	if err := c.parent.Err(); err != nil {
		return err
	}
	return &llm.Error{Kind: llm.KindCut, Message: "the stream ended before the answer did"}
}

// Refused is what a provider returns for a refusal in the stream.
func (c *Call) Refused(r Refusal) error {
	if err := c.parent.Err(); err != nil {
		return err
	}
	return r.Error(c.secrets...)
}

// Unreadable is what a provider returns for an answer it can't make sense of.
func (c *Call) Unreadable(format string, args ...any) error {
	return c.fail(llm.KindBadResponse, format, args...)
}

// Garbled is what a provider returns for an answer of which a part is broken.
func (c *Call) Garbled(format string, args ...any) error {
	return c.fail(llm.KindGarbled, format, args...)
}

func (c *Call) fail(kind llm.Kind, format string, args ...any) error {
	return &llm.Error{Kind: kind, Message: Redact(fmt.Sprintf(format, args...), c.secrets...)}
}
