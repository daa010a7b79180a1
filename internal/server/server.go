// Package server is the HTTP side: it routes requests to the GraphQL transports
// (wsproto, httpproto) and to the few plain endpoints, and puts around all of
// them what every answer needs. It decides nothing: see graph and below.
package server

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/gorilla/websocket"

	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/identity"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/server/httpproto"
	"github.com/zeblit/zeblit/internal/server/wsproto"
	"github.com/zeblit/zeblit/internal/store"
)

// Options are the parts that a Server works with.
type Options struct {
	Exec           graphql.GraphExecutor
	DB             *store.DB
	Identity       *identity.Service
	SDL            string // the published schema
	Version        string
	Provider       string // the model provider's name
	Demo           bool
	AllowedOrigins []string
	Logger         *slog.Logger
}

// Server answers requests.
type Server struct {
	options Options
	sockets *wsproto.Handler
	http    http.Handler
	root    http.Handler
}

// New makes a server.
func New(o Options) *Server {
	s := &Server{options: o}
	s.http = httpproto.New(o.Exec, httpproto.Config{Logger: o.Logger})
	s.sockets = wsproto.New(o.Exec, wsproto.Config{
		Authenticate: o.Identity.Authenticate,
		Revalidate:   s.revalidate,
		Expiry: func(ctx context.Context) time.Time {
			if v := access.ViewerFrom(ctx); v != nil {
				return v.ExpiresAt
			}
			return time.Time{}
		},
		CheckOrigin: s.originAllowed,
		Logger:      o.Logger,
	})
	mux := http.NewServeMux()
	mux.HandleFunc("/graphql", s.graphql)
	mux.HandleFunc("GET /schema.graphql", s.schema)
	mux.HandleFunc("GET /health", s.health)
	mux.HandleFunc("GET /health/ready", s.ready)
	mux.HandleFunc("GET /api/v1/health", s.details)
	mux.HandleFunc("GET /api/v1/agents", s.agents)
	mux.HandleFunc("GET /.well-known/jwks.json", s.jwks)
	mux.HandleFunc("GET /{$}", s.start)
	s.root = s.around(mux)
	return s
}

// Handler is what to listen with.
func (s *Server) Handler() http.Handler { return s.root }

// CloseSockets ends every WebSocket with 1012, so that clients resume elsewhere.
func (s *Server) CloseSockets(ctx context.Context) error { return s.sockets.Shutdown(ctx) }

func (s *Server) graphql(w http.ResponseWriter, r *http.Request) {
	if websocket.IsWebSocketUpgrade(r) {
		s.sockets.ServeHTTP(w, r)
		return
	}
	ctx, err := s.options.Identity.Authenticate(r.Context(), r.Header.Get("Authorization"))
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	s.http.ServeHTTP(w, r.WithContext(ctx))
}

// revalidate asks whether a socket's credentials still hold. That the database
// does not answer says nothing about them.
func (s *Server) revalidate(ctx context.Context) error {
	err := s.options.Identity.Revalidate(ctx)
	if err != nil && problem.As(err) == nil {
		return problem.New(problem.Unavailable, "the credentials could not be checked")
	}
	return err
}

// originAllowed accepts programs, which send no Origin, the server's own pages,
// and the origins of the configuration.
func (s *Server) originAllowed(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	return origin == "" || origin == "http://"+r.Host || origin == "https://"+r.Host ||
		slices.Contains(s.options.AllowedOrigins, origin)
}

func (s *Server) schema(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/graphql; charset=utf-8")
	_, _ = io.WriteString(w, s.options.SDL)
}

func (s *Server) jwks(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/jwk-set+json")
	_, _ = w.Write(s.options.Identity.JWKS())
}

func (s *Server) start(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, "Zeblit "+s.options.Version+"\n\nGraphQL  /graphql (POST, GET, WebSocket)\nSchema   /schema.graphql\nHealth   /health\n\nIn a terminal: zeblit chat \"Build a to-do list page\"\n")
}
