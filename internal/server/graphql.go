package server

import (
	"context"
	"errors"
	"net/http"

	"github.com/gorilla/websocket"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/privacy"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/clientaddr"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/relay"
	"github.com/zeblit/zeblit/internal/server/files"
	"github.com/zeblit/zeblit/internal/server/httpreq"
	"github.com/zeblit/zeblit/internal/store"
)

// graphql is the one endpoint of the API: it finds out who asks, and which of the
// transports is meant.
//
// Who asks is said by a header that a page must set itself. There are no cookies,
// so a foreign page can't use a person's rights by letting their browser send a
// request, and POST, GET and event streams need no look at Origin: what may be read
// across origins is CORS's matter. A WebSocket is not subject to CORS; its origin
// is checked.
func (s *Server) graphql(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodOptions {
		w.Header().Set("Allow", "GET, POST, OPTIONS")
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if websocket.IsWebSocketUpgrade(r) {
		if err := s.allowConnect(r.Context()); err != nil {
			s.refuse(w, r, err)
			return
		}
		s.sockets.ServeHTTP(w, r)
		return
	}
	r, err := s.enter(r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	ctx := r.Context()
	media, _ := httpreq.Negotiate(r.Header.Values("Accept"), httpreq.MediaJSON, httpreq.MediaResponse, httpreq.MediaEvents)
	if media != httpreq.MediaEvents {
		s.http.ServeHTTP(w, r)
		return
	}
	if err := s.allowConnect(ctx); err != nil {
		s.refuse(w, r, err)
		return
	}
	s.events.ServeHTTP(w, r)
}

// enter returns the request with its viewer, if its credentials hold and they don't
// send too many.
func (s *Server) enter(r *http.Request) (*http.Request, error) {
	ctx, err := s.options.Identity.Authenticate(r.Context(), r.Header.Get("Authorization"))
	if err != nil {
		if limited := s.allowRequest(r.Context()); limited != nil { // guesses are counted too
			err = limited
		}
		return r, err
	}
	return r.WithContext(ctx), s.allowRequest(ctx)
}

func (s *Server) allowRequest(ctx context.Context) error {
	return s.options.Limiter.Allow(ctx, "requests", s.options.Requests, whose(ctx))
}

func (s *Server) allowConnect(ctx context.Context) error {
	return s.options.Limiter.Allow(ctx, "connects", s.options.Connects, clientaddr.Key(clientaddr.From(ctx)))
}

// whose is by whom requests and open connections are counted: the viewer, else the
// address.
func whose(ctx context.Context) string {
	if v := access.ViewerFrom(ctx); v != nil {
		return "user " + v.UserID
	}
	return "address " + clientaddr.Key(clientaddr.From(ctx))
}

// failed notes a failure that is not the client's, and returns what to say of it.
func (s *Server) failed(r *http.Request, err error) *problem.Error {
	if store.Unavailable(err) {
		s.options.Logger.WarnContext(r.Context(), "the database was not available to a request", "error", err)
		return problem.New(problem.Unavailable, "the database is not available at the moment: try again")
	}
	if store.Unfit(err) {
		return problem.New(problem.BadInput, "no text can have a NUL character in it")
	}
	if errors.Is(err, privacy.Deny) || ent.IsNotFound(err) { // what the viewer may not see, or no more
		s.options.Logger.InfoContext(r.Context(), "what a request asked for is gone, or not the viewer's", "error", err)
		return problem.Missing("", "object")
	}
	reference := relay.NewID("err")
	s.options.Logger.ErrorContext(r.Context(), "a request failed", "reference", reference, "error", err)
	return &problem.Error{Code: problem.Internal, Message: "internal error", Reference: reference}
}

// refuse answers, in GraphQL's form, a request whose credentials don't hold or don't
// suffice, who sends too many, or that a route beside GraphQL can't do.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	refusal := httpreq.Refusal{Status: http.StatusUnauthorized, Err: problem.As(err)}
	if refusal.Err == nil {
		refusal.Err = s.failed(r, err)
	}
	switch {
	case refusal.Err.Code == problem.Internal:
		refusal.Status = http.StatusInternalServerError
	case refusal.Err.Code == problem.Unavailable:
		refusal.Status = http.StatusServiceUnavailable
	case refusal.Err.Code == problem.RateLimited:
		refusal.Status = http.StatusTooManyRequests
	case refusal.Err.Code == problem.Forbidden:
		refusal.Status = http.StatusForbidden
	case refusal.Err.Code == problem.NotFound:
		refusal.Status = http.StatusNotFound
	case refusal.Err == files.ErrTooLarge:
		refusal.Status = http.StatusRequestEntityTooLarge
	case refusal.Err.Code == problem.Conflict:
		refusal.Status = http.StatusConflict
	case refusal.Err.Code == problem.PreconditionFailed:
		refusal.Status = http.StatusUnprocessableEntity
	case refusal.Err.Code == problem.BadInput:
		refusal.Status = http.StatusBadRequest
	default:
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	answer := httpreq.NewAnswer(w, s.options.Logger)
	answer.Answered = s.counts.answered
	if media, ok := httpreq.Negotiate(r.Header.Values("Accept"), httpreq.MediaJSON, httpreq.MediaResponse); ok {
		answer.Media = media
	}
	answer.Refuse(r.Context(), refusal)
}
