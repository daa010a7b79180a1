package server

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/relay"
	"github.com/zeblit/zeblit/internal/server/gqlreq"
)

// around gives every answer its id and its security headers, handles CORS, and
// writes the request to the log.
func (s *Server) around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := relay.NewID("req")
		h := w.Header()
		h.Set("X-Request-Id", id)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		if s.cors(w, r) {
			return
		}
		started := time.Now()
		next.ServeHTTP(w, r)
		s.options.Logger.LogAttrs(r.Context(), slog.LevelDebug, "request",
			slog.String("request", id), slog.String("method", r.Method),
			slog.String("path", r.URL.Path), slog.Duration("took", time.Since(started)))
	})
}

// cors answers preflights and marks answers for the allowed origins. It reports
// whether the request is answered.
func (s *Server) cors(w http.ResponseWriter, r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || !slices.Contains(s.options.AllowedOrigins, origin) {
		return false
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	h.Set("Access-Control-Allow-Origin", origin)
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, POST")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Accept")
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}

// refuse answers a request whose credentials don't hold, in GraphQL's form.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	p, status := problem.As(err), http.StatusUnauthorized
	switch {
	case p == nil:
		reference := relay.NewID("err")
		s.options.Logger.ErrorContext(r.Context(), "authentication failed", "reference", reference, "error", err)
		p, status = problem.New(problem.Internal, "internal error %s", reference), http.StatusInternalServerError
	case p.Code == problem.Unavailable:
		status = http.StatusServiceUnavailable
	default:
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	told := gqlreq.Error(p)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []any{told}})
}
