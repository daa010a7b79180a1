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
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/server/gqlreq"
	"github.com/zeblit/zeblit/internal/server/httpreq"
)

// Config sets up the handler.
type Config struct {
	Limits httpreq.Limits
	// Logger hears of panics and of responses that can't be written as JSON; nil
	// is slog.Default().
	Logger *slog.Logger
	// Answered is told the status of each answer; nil: nobody is.
	Answered func(status int)
}

type handler struct {
	exec graphql.GraphExecutor
	cfg  Config
}

// New returns the handler of the endpoint. It answers any method: OPTIONS for
// CORS, upgrades to WebSocket and requests for text/event-stream are to be
// routed elsewhere before it.
func New(exec graphql.GraphExecutor, cfg Config) http.Handler {
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	return &handler{exec: exec, cfg: cfg}
}

var (
	notAcceptable = httpreq.Refusal{Status: http.StatusNotAcceptable,
		Err: problem.New(problem.BadInput, "Accept %s, %s or, for a stream, %s", httpreq.MediaResponse, httpreq.MediaJSON, httpreq.MediaEvents)}
	needsStream = httpreq.Refusal{Status: http.StatusBadRequest,
		Err: problem.New(problem.BadInput, "A subscription needs a WebSocket at this address with the subprotocol graphql-transport-ws, or server-sent events: Accept: text/event-stream")}
	cancelled = httpreq.Refusal{Status: http.StatusServiceUnavailable,
		Err: problem.New(problem.Unavailable, "The request was cancelled before it was answered")}
)

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := httpreq.NewAnswer(w, h.cfg.Logger)
	answer.Answered = h.cfg.Answered
	defer func() {
		if recovered := recover(); recovered != nil {
			answer.Recovered(r.Context(), recovered)
		}
	}()
	if refused := httpreq.CheckMethod(r); refused != nil {
		answer.Refuse(r.Context(), *refused)
		return
	}
	media, acceptable := httpreq.Negotiate(r.Header.Values("Accept"), httpreq.MediaJSON, httpreq.MediaResponse)
	if !acceptable {
		answer.Refuse(r.Context(), notAcceptable)
		return
	}
	answer.Media = media
	params, refused := h.cfg.Limits.Read(w, r)
	if refused != nil {
		answer.Refuse(r.Context(), *refused)
		return
	}
	// The request is read. Were the server's deadline for that to pass while the
	// operation runs, net/http would take the client for gone.
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // not every writer has one
	h.execute(r.Context(), answer, r.Method, params)
}

func (h *handler) execute(ctx context.Context, answer *httpreq.Answer, method string, params *graphql.RawParams) {
	ctx = graphql.StartOperationTrace(ctx)
	operation, errs := h.exec.CreateOperationContext(ctx, params)
	if len(errs) > 0 {
		resp := h.exec.DispatchError(graphql.WithOperationContext(ctx, operation), gqlreq.RequestErrors(errs))
		answer.Response(ctx, resp)
		return
	}
	switch {
	case operation.Operation.Operation == ast.Subscription:
		answer.Refuse(ctx, needsStream)
		return
	case method == http.MethodGet && operation.Operation.Operation != ast.Query:
		answer.Refuse(ctx, httpreq.MutationByGet)
		return
	}
	responses, ctx := h.exec.DispatchOperation(ctx, operation)
	resp := responses(ctx)
	if resp == nil { // the context ended; if it was the client's, nobody reads this
		answer.Refuse(ctx, cancelled)
		return
	}
	answer.Response(ctx, resp)
}
