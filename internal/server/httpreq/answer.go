// Package httpreq is what the HTTP doors to the API agree on (httpproto and
// sseproto): how a request is read, which media type answers it, and how one is
// refused.
package httpreq

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/server/gqlreq"
)

// Refusal is a request that is not executed, and the status that says so in every
// media type.
type Refusal struct {
	Status int
	Allow  string // the methods of a 405
	Err    *problem.Error
}

// CheckMethod refuses what is neither a POST nor a GET.
func CheckMethod(r *http.Request) *Refusal {
	if r.Method == http.MethodGet || r.Method == http.MethodPost {
		return nil
	}
	return &Refusal{http.StatusMethodNotAllowed, "GET, POST", problem.New(problem.BadInput, "Send a POST, or a GET for a query")}
}

// MutationByGet refuses a mutation, which must not come by a safe method.
var MutationByGet = Refusal{http.StatusMethodNotAllowed, "POST", problem.New(problem.BadInput, "A mutation needs a POST")}

// Answer writes one JSON response, at most once.
type Answer struct {
	// Media is the type of the body; MediaJSON at first.
	Media string
	// Answered is told the status that was written; nil: nobody is.
	Answered func(status int)

	w       http.ResponseWriter
	logger  *slog.Logger
	written bool
}

// NewAnswer sets the headers that every answer of the endpoint has.
func NewAnswer(w http.ResponseWriter, logger *slog.Logger) *Answer {
	Headers(w.Header())
	return &Answer{Media: MediaJSON, w: w, logger: logger}
}

// Headers are those of every answer of the endpoint, whatever its media type.
func Headers(header http.Header) {
	header.Add("Vary", "Accept")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
}

// Refuse answers with r in GraphQL's form.
func (a *Answer) Refuse(ctx context.Context, r Refusal) {
	if r.Allow != "" {
		a.w.Header().Set("Allow", r.Allow)
	}
	a.write(ctx, r.Status, &graphql.Response{Errors: gqlerror.List{gqlreq.Error(r.Err)}})
}

// Recovered answers a request whose handling panicked. What was recovered goes to
// the log; net/http's own signal to abort is passed on.
func (a *Answer) Recovered(ctx context.Context, recovered any) {
	if recovered == http.ErrAbortHandler { //nolint:errorlint // a recovered value is compared as net/http does
		panic(recovered)
	}
	err := gqlreq.Panicked(ctx, a.logger, recovered)
	a.write(ctx, http.StatusInternalServerError, &graphql.Response{Errors: gqlerror.List{err}})
}

// Response answers what the executor said, with the status of the media type.
func (a *Answer) Response(ctx context.Context, resp *graphql.Response) {
	status := http.StatusOK
	if a.Media == MediaResponse && gqlreq.IsRequestError(resp) {
		status = ErrorStatus(resp.Errors)
	}
	a.write(ctx, status, resp)
}

// ErrorStatus is 400 but for those request errors after which the client may
// repeat the request unchanged.
func ErrorStatus(list gqlerror.List) int {
	switch code, _ := list[0].Extensions["code"].(string); problem.Code(code) {
	case problem.RateLimited:
		return http.StatusTooManyRequests
	case problem.Unavailable:
		return http.StatusServiceUnavailable
	case problem.Internal:
		return http.StatusInternalServerError
	default:
		return http.StatusBadRequest
	}
}

// Fail answers a request error with its ErrorStatus in every media type.
func (a *Answer) Fail(ctx context.Context, list gqlerror.List) {
	a.write(ctx, ErrorStatus(list), &graphql.Response{Errors: list})
}

func (a *Answer) write(ctx context.Context, status int, resp *graphql.Response) {
	if a.written {
		return // a panic after the response: too late to say anything
	}
	body, err := gqlreq.Encode(resp)
	if err != nil {
		a.logger.ErrorContext(ctx, "encode response", "error", err)
		status = http.StatusInternalServerError
		body = []byte(`{"errors":[{"message":"Internal error","extensions":{"code":"INTERNAL"}}]}`)
	}
	a.written = true
	header := a.w.Header()
	if len(resp.Errors) > 0 {
		if seconds, ok := resp.Errors[0].Extensions["retryAfter"].(int); ok {
			header.Set("Retry-After", strconv.Itoa(seconds))
		}
	}
	header.Set("Content-Type", a.Media+"; charset=utf-8")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	a.w.WriteHeader(status)
	_, _ = a.w.Write(body) // the client is gone
	if a.Answered != nil {
		a.Answered(status)
	}
}
