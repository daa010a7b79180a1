// Package httpproto serves GraphQL over HTTP (the graphql-over-http draft): POST
// with a JSON body and GET with URL parameters, answered as
// application/graphql-response+json or application/json.
//
// The two differ in how they use the status. The former says with it what
// happened: 200 when the operation was executed, 400 when the document or its
// variables were refused. The latter answers 200 to every well-formed request, as
// clients that know only application/json expect. Neither executes a mutation by
// GET, or a subscription.
package httpproto

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/server/gqlreq"
)

// Config holds the limits of a request. Zero fields mean the defaults.
type Config struct {
	// MaxBodyBytes of a POST, 2 MiB; more is answered 413.
	MaxBodyBytes int64
	// MaxURLBytes of path and query together, 8 KiB; more is answered 414.
	MaxURLBytes int
	// Logger hears of panics and of responses that can't be written as JSON; nil
	// is slog.Default().
	Logger *slog.Logger
}

type handler struct {
	exec graphql.GraphExecutor
	cfg  Config
}

// New returns the handler of the endpoint. It answers any method: OPTIONS for
// CORS, upgrades to WebSocket and requests for text/event-stream are to be
// routed elsewhere before it.
func New(exec graphql.GraphExecutor, cfg Config) http.Handler {
	if cfg.MaxBodyBytes == 0 {
		cfg.MaxBodyBytes = 2 << 20
	}
	if cfg.MaxURLBytes == 0 {
		cfg.MaxURLBytes = 8 << 10
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	return &handler{exec: exec, cfg: cfg}
}

// refusal is a request that is not executed, and the status that says so in both
// media types.
type refusal struct {
	status int
	allow  string // of a 405
	err    *problem.Error
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Add("Vary", "Accept")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")

	answer := &answer{w: w, media: mediaJSON, logger: h.cfg.Logger}
	defer func() {
		if recovered := recover(); recovered != nil {
			if recovered == http.ErrAbortHandler { //nolint:errorlint // a recovered value is compared as net/http does
				panic(recovered)
			}
			err := gqlreq.Panicked(r.Context(), h.cfg.Logger, recovered)
			answer.errors(r.Context(), http.StatusInternalServerError, gqlerror.List{err})
		}
	}()

	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		answer.refuse(r.Context(), refusal{http.StatusMethodNotAllowed, "GET, POST",
			problem.New(problem.BadInput, "Send a POST, or a GET for a query")})
		return
	}
	media, acceptable := negotiate(r.Header.Values("Accept"))
	if !acceptable {
		answer.refuse(r.Context(), refusal{http.StatusNotAcceptable, "",
			problem.New(problem.BadInput, "Accept %s or %s", mediaResponse, mediaJSON)})
		return
	}
	answer.media = media
	params, refused := h.read(w, r)
	if refused != nil {
		answer.refuse(r.Context(), *refused)
		return
	}
	params.Headers = r.Header
	h.execute(r.Context(), answer, r.Method, params)
}

func (h *handler) execute(ctx context.Context, answer *answer, method string, params *graphql.RawParams) {
	ctx = graphql.StartOperationTrace(ctx)
	operation, errs := h.exec.CreateOperationContext(ctx, params)
	if len(errs) > 0 {
		resp := h.exec.DispatchError(graphql.WithOperationContext(ctx, operation), gqlreq.RequestErrors(errs))
		answer.response(ctx, resp)
		return
	}
	switch {
	case operation.Operation.Operation == ast.Subscription:
		answer.refuse(ctx, refusal{http.StatusBadRequest, "",
			problem.New(problem.BadInput, "Subscriptions need a WebSocket at this address, with the subprotocol graphql-transport-ws")})
		return
	case method == http.MethodGet && operation.Operation.Operation != ast.Query:
		answer.refuse(ctx, refusal{http.StatusMethodNotAllowed, "POST",
			problem.New(problem.BadInput, "A mutation needs a POST")})
		return
	}
	responses, ctx := h.exec.DispatchOperation(ctx, operation)
	resp := responses(ctx)
	if resp == nil { // the context ended; if it was the client's, nobody reads this
		answer.refuse(ctx, refusal{http.StatusServiceUnavailable, "",
			problem.New(problem.Unavailable, "The request was cancelled before it was answered")})
		return
	}
	answer.response(ctx, resp)
}

// answer writes one response.
type answer struct {
	w       http.ResponseWriter
	media   string
	logger  *slog.Logger
	written bool
}

func (a *answer) refuse(ctx context.Context, r refusal) {
	if r.allow != "" {
		a.w.Header().Set("Allow", r.allow)
	}
	a.errors(ctx, r.status, gqlerror.List{gqlreq.Error(r.err)})
}

func (a *answer) errors(ctx context.Context, status int, list gqlerror.List) {
	a.write(ctx, status, &graphql.Response{Errors: list})
}

// response answers what the executor said, with the status of the media type.
func (a *answer) response(ctx context.Context, resp *graphql.Response) {
	status := http.StatusOK
	if a.media == mediaResponse && gqlreq.IsRequestError(resp) {
		status = requestErrorStatus(resp.Errors)
	}
	a.write(ctx, status, resp)
}

// requestErrorStatus is 400 but for those refusals that the client may repeat
// unchanged.
func requestErrorStatus(list gqlerror.List) int {
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

func (a *answer) write(ctx context.Context, status int, resp *graphql.Response) {
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
	header.Set("Content-Type", a.media+"; charset=utf-8")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	a.w.WriteHeader(status)
	_, _ = a.w.Write(body) // the client is gone
}
