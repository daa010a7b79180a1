package server

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/zeblit/zeblit/internal/agent"
)

// pingTimeout bounds how long a health check waits for the parts.
const pingTimeout = 2 * time.Second

// health says that the process lives.
func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{"status": "ok", "version": s.options.Version})
}

// ready says whether requests can be served: 503 when they can't.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	if _, err := s.ping(r.Context()); err != nil {
		answer(w, http.StatusServiceUnavailable, map[string]any{"ready": false, "reason": "the database does not answer"})
		return
	}
	answer(w, http.StatusOK, map[string]any{"ready": true})
}

// details shows the parts. Without the database nothing works (503); without
// another part the server is degraded and goes on.
func (s *Server) details(w http.ResponseWriter, r *http.Request) {
	components := s.check(r.Context())
	status, code := "ok", http.StatusOK
	took, err := s.ping(r.Context())
	database := component("ok", took)
	database["kind"] = s.options.DB.Dialect
	if err != nil {
		database["status"] = "down"
		code = http.StatusServiceUnavailable
	}
	components["database"] = database
	for _, c := range components {
		if c["status"] != "ok" {
			status = "degraded"
		}
	}
	components["model"] = map[string]any{"provider": s.options.Provider, "demo": s.options.Demo}
	answer(w, code, map[string]any{
		"status": status, "version": s.options.Version, "timestamp": time.Now().UTC().Format(time.RFC3339),
		"components": components,
	})
}

// check asks all of Options.Checks at once.
func (s *Server) check(ctx context.Context) map[string]map[string]any {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	var mu sync.Mutex
	var asked sync.WaitGroup
	found := map[string]map[string]any{}
	for name, check := range s.options.Checks {
		asked.Go(func() {
			started, status := time.Now(), "ok"
			if err := check(ctx); err != nil { // its words may name what is inside
				status = "down"
			}
			mu.Lock()
			defer mu.Unlock()
			found[name] = component(status, time.Since(started))
		})
	}
	asked.Wait()
	return found
}

func component(status string, took time.Duration) map[string]any {
	return map[string]any{"status": status, "responseTimeMs": float64(took.Microseconds()) / 1000}
}

func (s *Server) ping(ctx context.Context) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	started := time.Now()
	err := s.options.DB.Ping(ctx)
	return time.Since(started), err
}

// agents lists the roster. Every built-in agent is available while the server runs.
func (s *Server) agents(w http.ResponseWriter, _ *http.Request) {
	type entry struct {
		Slug        string   `json:"slug"`
		Name        string   `json:"name"`
		Description string   `json:"description"`
		Tools       []string `json:"tools"`
		Available   bool     `json:"available"`
	}
	var list []entry
	for _, r := range agent.Roster() {
		list = append(list, entry{Slug: r.Slug, Name: r.Name, Description: r.Description, Tools: r.Tools, Available: true})
	}
	answer(w, http.StatusOK, map[string]any{"agents": list, "total": len(list)})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
