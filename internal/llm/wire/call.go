package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/zeblit/zeblit/internal/llm"
)

// StallLimit is how long a vendor may send nothing at all before its connection is
// taken for dead. Vendors that think long send pings or take less than this.
const StallLimit = 5 * time.Minute

// maxErrorBody bounds how much of an error's body is read.
const maxErrorBody = 64 << 10

var errStalled = errors.New("nothing was received for too long")

// Call watches one streaming request. It is the SDK's middleware: it turns every
// answer that isn't an event stream into an *llm.Error, and ends a stalled one.
type Call struct {
	parent  context.Context
	ctx     context.Context
	cancel  context.CancelCauseFunc
	timer   *time.Timer
	limit   time.Duration
	secrets []string
	begun   bool // the stream's headers are here
}

// NewCall begins a call under ctx. A limit of 0 is StallLimit. Secrets never get
// into its errors. Stop must be called when it is over.
func NewCall(ctx context.Context, limit time.Duration, secrets ...string) *Call {
	if limit <= 0 {
		limit = StallLimit
	}
	c := &Call{parent: ctx, limit: limit, secrets: secrets}
	c.ctx, c.cancel = context.WithCancelCause(ctx)
	c.timer = time.AfterFunc(limit, func() { c.cancel(errStalled) })
	return c
}

// Context is what the request is made with.
func (c *Call) Context() context.Context { return c.ctx }

// Stop releases what the call holds, the connection included.
func (c *Call) Stop() {
	c.timer.Stop()
	c.cancel(nil)
}

// RoundTrip is a middleware for either SDK.
func (c *Call) RoundTrip(req *http.Request, next func(*http.Request) (*http.Response, error)) (*http.Response, error) {
	res, err := next(req)
	if err != nil {
		return nil, err
	}
	c.timer.Reset(c.limit)
	if refusal := c.refused(res); refusal != nil {
		_ = res.Body.Close()
		return nil, refusal
	}
	c.begun = true
	res.Body = &watchedBody{ReadCloser: res.Body, call: c}
	return res, nil
}

func (c *Call) refused(res *http.Response) *llm.Error {
	media, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	stream := media == "text/event-stream" || media == ""
	if res.StatusCode == http.StatusOK && stream {
		return nil
	}
	body, _ := io.ReadAll(io.LimitReader(res.Body, maxErrorBody))
	if res.StatusCode >= 400 {
		return ReadRefusal(res.StatusCode, res.Header, body).Error(c.secrets...)
	}
	e := &llm.Error{Kind: llm.KindBadResponse, Status: res.StatusCode}
	switch {
	case res.StatusCode >= 300:
		e.Message = "the server redirects elsewhere; check the base URL"
	case bytes.Contains(body, []byte(`"error"`)):
		r := ReadRefusal(0, res.Header, body)
		r.Status = res.StatusCode
		e.Message = Redact(r.Message, c.secrets...)
	default:
		e.Message = fmt.Sprintf("expected an event stream, got %q; check the base URL", media)
	}
	return e
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
	kind, what := llm.KindUnavailable, "no connection"
	if c.begun {
		kind, what = llm.KindCut, "the stream broke off"
	}
	if errors.Is(context.Cause(c.ctx), errStalled) {
		err = errStalled
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

// Unreadable is what a provider returns for an answer it can't make sense of.
func (c *Call) Unreadable(format string, args ...any) error {
	return &llm.Error{Kind: llm.KindBadResponse, Message: Redact(fmt.Sprintf(format, args...), c.secrets...)}
}

// watchedBody tells its call of everything that arrives.
type watchedBody struct {
	io.ReadCloser
	call *Call
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.call.timer.Reset(b.call.limit)
	}
	return n, err
}

// Client is the HTTP client of a provider that was given none. It follows no
// redirect, so that a key is sent to the configured server only.
func Client() *http.Client {
	return &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// Secrets are what must not be shown of a provider's settings: its key, and the
// password in its base URL.
func Secrets(key, baseURL string) []string {
	out := []string{key}
	if u, err := url.Parse(baseURL); err == nil && u.User != nil {
		if p, ok := u.User.Password(); ok {
			out = append(out, p, url.QueryEscape(p))
		}
	}
	return out
}

// Join puts base and the version prefix its API lives under together: with wanted,
// a base without any path gets it; without, a base that ends in it loses it.
func Join(base, version string, wanted bool) string {
	base = strings.TrimRight(strings.TrimSpace(base), "/")
	if !wanted {
		return strings.TrimSuffix(base, "/"+version)
	}
	if u, err := url.Parse(base); err == nil && u.Path == "" {
		return base + "/" + version
	}
	return base
}
