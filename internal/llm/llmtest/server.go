// Package llmtest is a model for tests: an HTTP server that speaks Anthropic's and both
// of OpenAI's streaming formats from a script, so that the real clients run over real
// connections. Conformance is what all of them must pass, Faults what they are tried with.
//
//	srv := llmtest.NewServer(t,
//		llmtest.Reply{llmtest.Say("I'll ", "write it."), llmtest.Call("write_file", map[string]any{"path": "a.txt", "text": "hi"})},
//		llmtest.Status(529, time.Second),
//		llmtest.Say("Done."),
//	)
//	model := anthropic.New(anthropic.Options{APIKey: "k", BaseURL: srv.AnthropicURL(), HTTPClient: srv.Client()})
//
// Answers are taken in order; a Func answers by the request, from its turn on, which
// is the way for conversations that run side by side. The server refuses what the
// vendors refuse (a tool call without its result, roles that don't alternate, …) with
// a 400, takes such a request for no answer of the script, and keeps every request.
package llmtest

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Server is a running scripted model. Its methods may be called concurrently.
type Server struct {
	listener net.Listener
	http     *http.Server
	client   *http.Client
	closing  chan struct{}
	served   chan struct{}
	close    sync.Once
	prefix   string // of the ids of its tool calls

	mu       sync.Mutex
	script   []Script
	requests []Request
	ids      int
	onMiss   func(Request) // a request the script has no answer for
	models   func(key string) (status int, contentType, body string)
	counts   func(key string, body []byte) (status int, reply string)
}

// TB is what NewServer needs of a test.
type TB interface {
	Helper()
	Cleanup(func())
	Errorf(format string, args ...any)
}

// NewServer starts a server that ends with the test. A request beyond the script
// fails the test.
func NewServer(t TB, script ...Script) *Server {
	t.Helper()
	s := Start(script...)
	s.onMiss = func(q Request) { t.Errorf("llmtest: no answer left for request %d: %s", q.N, q.Body) }
	t.Cleanup(s.Close)
	return s
}

// Start starts a server on a free port of the loopback interface. Without a script,
// or beyond it, requests are refused with a 400.
func Start(script ...Script) *Server {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(fmt.Sprintf("llmtest: %v", err))
	}
	random := make([]byte, 4)
	_, _ = rand.Read(random)
	s := &Server{
		listener: l,
		client: &http.Client{
			Transport:     &http.Transport{},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		closing: make(chan struct{}),
		served:  make(chan struct{}),
		prefix:  hex.EncodeToString(random),
		script:  script,
		onMiss:  func(Request) {},
		models:  listed,
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/models", s.list)
	mux.HandleFunc("POST /v1/messages", s.handle(Anthropic))
	mux.HandleFunc("POST /v1/messages/count_tokens", s.countTokens)
	mux.HandleFunc("POST /v1/chat/completions", s.handle(OpenAI))
	mux.HandleFunc("POST /v1/responses", s.handle(OpenAIResponses))
	s.http = &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go func() {
		defer close(s.served)
		_ = s.http.Serve(l)
	}()
	return s
}

// AnthropicURL is the base URL for Anthropic's SDK.
func (s *Server) AnthropicURL() string { return "http://" + s.listener.Addr().String() }

// OpenAIURL is the base URL for OpenAI's SDK.
func (s *Server) OpenAIURL() string { return s.AnthropicURL() + "/v1" }

// Client is an HTTP client whose connections end with the server, which keeps
// goroutine leak checks quiet. It follows no redirects.
func (s *Server) Client() *http.Client { return s.client }

// Add appends to the script.
func (s *Server) Add(script ...Script) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = append(s.script, script...)
}

// Requests are all requests so far, in the order they came in, the refused included.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Left is how many answers of the script are not yet used.
func (s *Server) Left() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.script)
}

// Close ends the answers under way by dropping their connections, and waits for them.
func (s *Server) Close() {
	s.close.Do(func() {
		close(s.closing)
		_ = s.http.Close()
		<-s.served
		s.client.CloseIdleConnections()
	})
}

func (s *Server) newID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids++
	return fmt.Sprintf("call_%s_%d", s.prefix, s.ids)
}

// handle answers one vendor's requests.
func (s *Server) handle(vendor Vendor) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the client is gone
		}
		q, invalid := parse(vendor, r.Header, body)
		if invalid == nil {
			invalid = q.validate()
		}
		if invalid != nil {
			q.Refused = invalid.Error()
		}
		script := s.next(&q)
		a := &answer{server: s, request: q, w: w, r: r}
		a.out = newFormat(a)
		switch {
		case vendor == Anthropic && q.Key == "":
			a.run(Reply{Refuse(http.StatusUnauthorized, "authentication_error", "x-api-key header is required")})
		case q.Refused != "":
			a.run(Reply{Refuse(http.StatusBadRequest, "invalid_request_error", q.Refused)})
		case script == nil:
			s.onMiss(q)
			a.run(Reply{Refuse(http.StatusBadRequest, "invalid_request_error", "llmtest: the script has no answer left")})
		default:
			a.run(script.reply(q))
		}
	}
}

// next numbers and keeps the request and takes its answer from the script.
func (s *Server) next(q *Request) Script {
	s.mu.Lock()
	defer s.mu.Unlock()
	q.N = len(s.requests) + 1
	s.requests = append(s.requests, *q)
	if q.Refused != "" || len(s.script) == 0 {
		return nil
	}
	script := s.script[0]
	if !script.lasting() {
		s.script = s.script[1:]
	}
	return script
}
