// Package route picks the model of each call and says why: by what the user wished for,
// by the words of the request, by the agent's tier; and, when a model fails, by what its
// failure says of the others.
//
// A Router knows the configured servers and how they did lately; a Plan leads one call
// from its first candidate to an answer or to giving up:
//
//	plan, err := router.Plan(ctx, wish)
//	for v := plan.Begin(); ; v = plan.After(err) {
//		switch v.Action {
//		case route.Call, route.Retry, route.Fallback: // sleep v.Wait, call v.Candidate, Report
//		case route.Wait: // until v.Until, then make a new plan
//		case route.GiveUp: // with v.Err
//		case route.Done:
//		}
//	}
//
// Nothing of it is kept: after a start every model is taken for healthy.
//
// A project may bring keys of its own: Router.With has the same catalogue and the same
// models of the tiers, but its servers.
package route

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/catalogue"
)

// Tier says how hard the work is that a model is for.
type Tier string

// The tiers, from the cheapest models to the dearest.
const (
	Quick    Tier = "quick"
	Standard Tier = "standard"
	Complex  Tier = "complex"
)

// tiers lists each tier's substitutes: itself, those above it, those below.
var tiers = map[Tier][]Tier{
	Quick:    {Quick, Standard, Complex},
	Standard: {Standard, Complex, Quick},
	Complex:  {Complex, Standard, Quick},
}

// Server is a provider under its own name. Its fields are those of configured.Server.
type Server struct {
	Name     string
	Provider llm.Provider
	Models   []string // all that it has; empty: those of the catalogue, or of List
	Default  string   // used when none is named; empty: the first of List
	List     func(context.Context) ([]string, error)
}

// Options of New.
type Options struct {
	Servers   []Server             // in the order in which they are preferred
	Catalogue *catalogue.Catalogue // nil: one without entries of one's own
	// Models are the installation's of a tier, as "server/model", in the order in which
	// they are preferred. A tier without any has what its servers have by default.
	Models  map[Tier][]string
	Backoff llm.Backoff // how calls are made again; its Attempts are those of a last resort
}

// Router picks models. Many may use it at once.
type Router struct {
	servers   []Server
	catalogue *catalogue.Catalogue
	models    map[Tier][]ref
	backoff   llm.Backoff

	health *board
	keyed  map[string]*Keyed // by the server's name: those with a key of their own
}

// ref names a model of a server.
type ref struct{ server, model string }

func (r ref) String() string { return r.server + "/" + r.model }

// New makes a router. The error joins what is wrong with the options.
func New(o Options) (*Router, error) {
	if o.Catalogue == nil {
		o.Catalogue, _ = catalogue.New(nil) // without entries nothing can be wrong
	}
	r := &Router{servers: o.Servers, catalogue: o.Catalogue, models: map[Tier][]ref{}, backoff: o.Backoff, health: newBoard()}
	var problems []error
	if len(o.Servers) == 0 {
		problems = append(problems, errors.New("no model server is configured"))
	}
	for tier, names := range o.Models {
		for _, name := range names {
			if to, ok := r.parse(name); ok {
				r.models[tier] = append(r.models[tier], to)
			} else {
				problems = append(problems, fmt.Errorf("the %s model %q isn't server/model of a configured server", tier, name))
			}
		}
	}
	return r, errors.Join(problems...)
}

// parse splits "server/model" where the server is configured.
func (r *Router) parse(name string) (ref, bool) {
	server, model, ok := strings.Cut(name, "/")
	return ref{server, model}, ok && model != "" && r.server(server) != nil
}

func (r *Router) server(name string) *Server {
	if i := slices.IndexFunc(r.servers, func(s Server) bool { return s.Name == name }); i >= 0 {
		return &r.servers[i]
	}
	return nil
}

// standard are the models that a vendor has for each tier. The standard one gives way
// to the server's Default.
var standard = map[string]map[Tier]string{
	"anthropic": {Quick: "claude-haiku-5-5", Standard: "claude-sonnet-5-5", Complex: "claude-opus-5-5"},
	"openai":    {Quick: "gpt-5.6-luna", Standard: "gpt-5.6-terra", Complex: "gpt-5.6-sol"},
	"gemini":    {Quick: "gemini-3.1-flash-lite", Standard: "gemini-3.7-flash", Complex: "gemini-3.1-pro-preview-customtools"},
}

// usual is the model that s has for tier when nobody says otherwise; "" when it can't
// be asked.
func (s *Server) usual(ctx context.Context, tier Tier) (string, error) {
	if model := standard[s.Name][tier]; model != "" && len(s.Models) == 0 && (tier != Standard || s.Default == "") {
		return model, nil
	}
	if s.Default != "" || s.List == nil {
		return s.Default, nil
	}
	ids, err := s.List(ctx)
	if err != nil || len(ids) == 0 {
		return "", err
	}
	return ids[0], nil
}
