package llmtest

import (
	"io"
	"net/http"
	"strings"
)

// Models sets what the server answers to those who ask for the list of its models:
// any kind of body. Without it, it has one model, which it shows to every key.
func (s *Server) Models(answer func(key string) (status int, contentType, body string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.models = answer
}

// Counts sets how many tokens the server counts, in Anthropic's words. Without it, it
// doesn't count.
func (s *Server) Counts(answer func(key string, body []byte) (status int, reply string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts = answer
}

func (s *Server) countTokens(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	answer := s.counts
	s.mu.Unlock()
	if answer == nil {
		http.NotFound(w, r)
		return
	}
	body, _ := io.ReadAll(r.Body)
	status, reply := answer(keyOf(r.Header), body)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, reply)
}

func listed(key string) (int, string, string) {
	if key == "" {
		return http.StatusUnauthorized, "application/json", `{"error":{"type":"authentication_error","message":"a key is required"}}`
	}
	return http.StatusOK, "application/json", `{"data":[{"id":"test-model"}],"has_more":false}`
}

func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	answer := s.models
	s.mu.Unlock()
	status, contentType, body := answer(keyOf(r.Header))
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// keyOf is the credentials of a request to any vendor.
func keyOf(h http.Header) string {
	if bearer, ok := strings.CutPrefix(h.Get("Authorization"), "Bearer "); ok {
		return bearer
	}
	return h.Get("X-Api-Key")
}
