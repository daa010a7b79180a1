package sseproto

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/zeblit/zeblit/graph/share"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/server/credential"
	"github.com/zeblit/zeblit/internal/server/drain"
	"github.com/zeblit/zeblit/internal/server/fanout"
	"github.com/zeblit/zeblit/internal/server/gqlreq"
	"github.com/zeblit/zeblit/internal/server/heartbeat"
	"github.com/zeblit/zeblit/internal/server/httpreq"
	"github.com/zeblit/zeblit/internal/server/outbox"
)

// Config sets up a Handler. Zero durations and sizes mean the defaults.
type Config struct {
	Limits httpreq.Limits

	// Credentials watches over the streams of requests that came with any, which end
	// with these. Nil lets them be.
	Credentials *credential.Keeper
	// Fanout executes subscriptions once for all who watch the same. Nil: each is
	// executed by itself.
	Fanout *fanout.Fanout
	// Admit is asked before a stream begins, with the request's context. It returns
	// what to call at the stream's end, or the problem to refuse it with (429 with
	// RATE_LIMITED). Nil admits all.
	Admit func(ctx context.Context) (release func(), err error)

	// Heartbeat is the time between comments, 12 s: proxies keep the connection, and
	// one that is dead is noticed.
	Heartbeat time.Duration
	// WriteTimeout is the time that one write (at most 16 KiB, or one event) may
	// take, 10 s. When it passes, the connection is broken off.
	WriteTimeout time.Duration
	// QueueBytes and QueueAge bound what waits to be written, 1 MiB, and for how
	// long, 10 s. A single event counts as half of it at most.
	QueueBytes int
	QueueAge   time.Duration

	// Logger hears of panics; nil is slog.Default().
	Logger *slog.Logger
}

// Handler serves streams and knows those that are open.
type Handler struct {
	exec     graphql.GraphExecutor
	cfg      Config
	outboxes outbox.Rules[event, ending]
	comments *heartbeat.Beats[*stream]
	counts   counters

	streams drain.Set[*stream]
}

// New returns the handler of requests that accept text/event-stream.
func New(exec graphql.GraphExecutor, cfg Config) *Handler {
	fallback(&cfg.Heartbeat, 12*time.Second)
	fallback(&cfg.WriteTimeout, 10*time.Second)
	fallback(&cfg.QueueBytes, 1<<20)
	fallback(&cfg.QueueAge, 10*time.Second)
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	h := &Handler{exec: exec, cfg: cfg, comments: heartbeat.New(cfg.Heartbeat, (*stream).comment)}
	h.outboxes.Limit, h.outboxes.MaxAge = cfg.QueueBytes, cfg.QueueAge
	return h
}

func fallback[T comparable](value *T, otherwise T) {
	var zero T
	if *value == zero {
		*value = otherwise
	}
}

var (
	notAcceptable = httpreq.Refusal{Status: http.StatusNotAcceptable,
		Err: problem.New(problem.BadInput, "Accept %s", httpreq.MediaEvents)}
	goingAway = httpreq.Refusal{Status: http.StatusServiceUnavailable,
		Err: &problem.Error{Code: problem.Unavailable, Message: "The server is going away", RetryAfter: time.Second}}
)

// ServeHTTP returns when the stream has ended, and everything with it.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := httpreq.NewAnswer(w, h.cfg.Logger)
	s := newStream(h, w)
	defer func() {
		if recovered := recover(); recovered != nil {
			if s.begun {
				_ = gqlreq.Panicked(r.Context(), h.cfg.Logger, recovered)
				panic(http.ErrAbortHandler)
			}
			answer.Recovered(r.Context(), recovered)
		}
	}()
	ctx := r.Context()
	if refused := httpreq.CheckMethod(r); refused != nil {
		answer.Refuse(ctx, *refused)
		return
	}
	if _, acceptable := httpreq.Negotiate(r.Header.Values("Accept"), httpreq.MediaEvents); !acceptable {
		answer.Refuse(ctx, notAcceptable)
		return
	}
	params, refused := h.cfg.Limits.Read(w, r)
	if refused != nil {
		answer.Refuse(ctx, *refused)
		return
	}
	if h.cfg.Admit != nil {
		release, err := h.cfg.Admit(ctx)
		if err != nil {
			answer.Fail(ctx, gqlerror.List{gqlreq.Told(ctx, h.cfg.Logger, err)})
			return
		}
		defer release()
	}
	if !h.streams.Enter() {
		answer.Refuse(ctx, goingAway)
		return
	}
	defer h.streams.Leave(s)
	if !h.streams.Add(s) {
		answer.Refuse(ctx, goingAway)
		return
	}
	h.serve(ctx, s, answer, r, params)
}

// serve reads the document and, unless that is refused with a status, streams.
func (h *Handler) serve(ctx context.Context, s *stream, answer *httpreq.Answer, r *http.Request, params *graphql.RawParams) {
	ctx = graphql.StartOperationTrace(ctx)
	operation, errs := h.exec.CreateOperationContext(ctx, params)
	if len(errs) > 0 {
		resp := h.exec.DispatchError(graphql.WithOperationContext(ctx, operation), gqlreq.RequestErrors(errs))
		if httpreq.ErrorStatus(resp.Errors) != http.StatusBadRequest {
			answer.Fail(ctx, resp.Errors)
			return
		}
		s.run(ctx, r.Header, func(context.Context) { s.last(resp) })
		return
	}
	if r.Method == http.MethodGet && operation.Operation.Operation == ast.Mutation {
		answer.Refuse(ctx, httpreq.MutationByGet)
		return
	}
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		resumeAfter(operation, id)
	}
	s.run(ctx, r.Header, func(ctx context.Context) { h.execute(ctx, s, operation) })
}

// execute executes the operation to its end, or until it is shared.
func (h *Handler) execute(ctx context.Context, s *stream, operation *graphql.OperationContext) {
	subscription := operation.Operation.Operation == ast.Subscription
	executed := ctx
	var offer *share.Offer
	if subscription && h.cfg.Fanout != nil {
		executed, offer = share.WithOffer(ctx)
	}
	responses, executed := h.exec.DispatchOperation(executed, operation)
	if shared := offer.Taken(); shared != nil {
		s.share(ctx, shared)
		return
	}
	for {
		resp := responses(executed)
		switch {
		case resp == nil && executed.Err() == nil:
			s.end(completed)
			return
		case resp == nil: // nobody listens any more, or is to resume
			return
		case subscription && gqlreq.IsRequestError(resp):
			s.Fail(resp.Errors)
			return
		case !subscription:
			s.last(resp)
			return
		case gqlreq.Passes(resp.Errors):
			s.end(resume("an event could not be read: resume from your cursor"))
			return
		}
		if !s.next(ctx, resp, offer.CatchingUp()) {
			return
		}
	}
}

// Streams is the number of open streams.
func (h *Handler) Streams() int { return h.streams.Len() }

// Shutdown refuses new streams, ends all others, without `complete`, after what
// waits to be written, some at a time over up to 5 s, and returns once they have
// ended. When ctx ends first it breaks the remaining connections off; an operation
// that ignores its context is then an error, and may still be running.
func (h *Handler) Shutdown(ctx context.Context) error {
	return h.streams.Shutdown(ctx, func(s *stream) { s.end(resume("the server is going away")) }, (*stream).breakOff)
}
