// Package server is the HTTP side: it routes requests to the GraphQL transports
// (wsproto, httpproto, sseproto) and to the few plain endpoints, and puts around all
// of them what every answer needs. It decides nothing: see graph and below.
package server

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/netip"

	"github.com/99designs/gqlgen/graphql"

	"github.com/zeblit/zeblit/internal/approvallink"
	"github.com/zeblit/zeblit/internal/console"
	"github.com/zeblit/zeblit/internal/filelink"
	"github.com/zeblit/zeblit/internal/identity"
	"github.com/zeblit/zeblit/internal/preview"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/ratelimit"
	"github.com/zeblit/zeblit/internal/security"
	"github.com/zeblit/zeblit/internal/server/approval"
	"github.com/zeblit/zeblit/internal/server/credential"
	"github.com/zeblit/zeblit/internal/server/fanout"
	"github.com/zeblit/zeblit/internal/server/files"
	"github.com/zeblit/zeblit/internal/server/httpproto"
	previewserver "github.com/zeblit/zeblit/internal/server/preview"
	"github.com/zeblit/zeblit/internal/server/room"
	"github.com/zeblit/zeblit/internal/server/sseproto"
	"github.com/zeblit/zeblit/internal/server/wsproto"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/workspace"
)

// Options are the parts that a Server works with.
type Options struct {
	// Exec executes operations. Protect must have been called with it.
	Exec     graphql.GraphExecutor
	DB       *store.DB
	Identity *identity.Service
	Console  *console.Service // nil: nothing is reported
	Previews *preview.Service // nil: there are none
	Files    *workspace.Workspace
	SDL      string // the published schema
	Version  string
	Provider string // the model provider's name
	Demo     bool
	Logger   *slog.Logger

	// PublicURL is where clients reach the server; with https they are told to stay
	// with it (HSTS).
	PublicURL string
	// AllowedOrigins are the web origins, besides the server's own, whose pages may
	// use the API.
	AllowedOrigins []string
	// TrustedProxies are the addresses whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	// Introspection publishes the schema at /schema.graphql.
	Introspection bool

	// FileLinks stand in for credentials where Files are sent and had as bytes. Nil: there
	// are no such routes.
	FileLinks *filelink.Links
	// ApprovalLinks are answered without credentials. Nil: there is no such page.
	ApprovalLinks *approvallink.Links

	// Limiter counts for Requests and Connects. Nil: nothing is limited.
	Limiter *ratelimit.Limiter
	// Requests, over HTTP and within sockets, of one viewer, or of one address without
	// a viewer.
	Requests ratelimit.Rate
	// Connects are sockets and event streams opened from one address.
	Connects ratelimit.Rate
	// SocketsPerUser is how many sockets and event streams one viewer, or one address
	// without a viewer, may have open on this node. 0: any number.
	SocketsPerUser int

	// Taking bounds what of files is in memory for clients to take.
	Taking room.Limits

	// Pages serves everything that no route of the API takes. Nil: a start page in
	// plain text.
	Pages http.Handler
	// Compression takes the offers of WebSocket clients to compress messages.
	Compression bool
	// Metrics answers /metrics to the installation's admins. Nil: there is no such route.
	Metrics http.Handler
	// Checks are the parts that /api/v1/health shows by name besides the database.
	// The server is degraded, but ready, without one.
	Checks map[string]func(context.Context) error
}

// Server answers requests.
type Server struct {
	options Options
	room    *room.Room
	seats   *seats
	keeper  *credential.Keeper
	fanout  *fanout.Fanout
	counts  counters
	sockets *wsproto.Handler
	events  *sseproto.Handler
	preview *previewserver.Handler // nil: there are none
	http    http.Handler
	root    http.Handler
}

// New makes a server.
func New(o Options) *Server {
	s := &Server{options: o, room: room.New(o.Taking), seats: newSeats(o.SocketsPerUser)}
	s.http = httpproto.New(o.Exec, httpproto.Config{Logger: o.Logger, Answered: s.counts.answered})
	s.keeper = credential.New(credential.Rules{Expiry: expiry, Name: credentialName, Revalidate: s.revalidate, Logger: o.Logger})
	s.fanout = fanout.New(fanout.Config{Exec: o.Exec, MayRead: s.mayRead, Logger: o.Logger})
	s.events = sseproto.New(o.Exec, sseproto.Config{
		Credentials: s.keeper,
		Fanout:      s.fanout,
		Admit:       s.admit(&s.counts.streams),
		Logger:      o.Logger,
	})
	s.sockets = wsproto.New(o.Exec, wsproto.Config{
		Authenticate: o.Identity.Authenticate,
		Credentials:  s.keeper,
		Fanout:       s.fanout,
		Compression:  o.Compression,
		Admit:        s.admit(&s.counts.sockets),
		Allow:        s.allowOperation,
		CheckOrigin:  s.originAllowed,
		Logger:       o.Logger,
	})
	if o.Previews != nil {
		s.preview = previewserver.New(previewserver.Config{
			Previews: o.Previews, Files: o.Files, PublicURL: o.Previews.PublicURL, Framing: o.AllowedOrigins, Room: s.room, Allow: s.allowRequest, Logger: o.Logger,
		})
	}
	s.root = s.around(s.routes())
	return s
}

// PreviewPage is the first page of a project's preview, as it is sent to the viewer in the
// context.
func (s *Server) PreviewPage(ctx context.Context, projectID, ref string) (*security.Page, error) {
	if s.preview == nil {
		return nil, problem.New(problem.PreconditionFailed, "this installation has no previews")
	}
	return s.preview.Page(ctx, projectID, ref)
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/graphql", s.graphql)
	for path, handler := range map[string]http.HandlerFunc{
		"/schema.graphql":        s.schema,
		"/health":                s.health,
		"/health/ready":          s.ready,
		"/api/v1/health":         s.details,
		"/api/v1/agents":         s.agents,
		"/.well-known/jwks.json": s.jwks,
		"/metrics":               s.metrics,

		"/api/v1/projects/{project}/usage.csv": s.usage,
	} {
		mux.Handle(path, readOnly(handler))
	}
	if s.options.FileLinks != nil {
		h := files.New(files.Config{
			Workspace: s.options.Files, Links: s.options.FileLinks, Logger: s.options.Logger, Room: s.room,
			Enter: s.enter, Allow: s.allowRequest, Refuse: s.refuse,
		})
		mux.HandleFunc("/api/v1/projects/{project}/files", h.Files)
		mux.Handle("/api/v1/projects/{project}/archive", readOnly(h.Archive))
	}
	if s.options.ApprovalLinks != nil {
		mux.Handle(approvallink.Prefix+"{token}", &approval.Handler{Links: s.options.ApprovalLinks, Allow: s.allowRequest, Failed: s.failed})
	}
	if s.options.Console != nil {
		mux.HandleFunc(consolePath, s.reportConsole)
		mux.Handle(consoleScriptPath, readOnly(s.consoleScript))
	}
	if s.options.Pages != nil {
		mux.Handle("/", s.options.Pages)
	} else {
		mux.Handle("/{$}", readOnly(s.start))
	}
	return mux
}

// readOnly answers other methods than GET and HEAD with 405. The mux would do it,
// were there no handler for everything else.
func readOnly(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
			return
		}
		next(w, r)
	})
}

// Handler is what to listen with, in HTTPServer.
func (s *Server) Handler() http.Handler { return s.root }

func (s *Server) schema(w http.ResponseWriter, r *http.Request) {
	if !s.options.Introspection {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/graphql; charset=utf-8")
	_, _ = io.WriteString(w, s.options.SDL)
}

func (s *Server) jwks(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/jwk-set+json")
	_, _ = w.Write(s.options.Identity.JWKS())
}

func (s *Server) start(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, "Zeblit "+s.options.Version+"\n\nGraphQL  /graphql (POST, GET, WebSocket, server-sent events)\nSchema   /schema.graphql\nHealth   /health\n\nIn a terminal: zeblit chat \"Build a to-do list page\"\n")
}
