package route

import (
	"context"
	"slices"
	"strings"

	"github.com/zeblit/zeblit/internal/llm/catalogue"
	"github.com/zeblit/zeblit/internal/problem"
)

// Wish is what a call is for. The first of these that says something decides: Model,
// Quick, Complex, the words of Text, Tier.
type Wish struct {
	Model   string // the user's: "server/model", or an id that only one server has
	Quick   bool   // the user wants a quick answer
	Complex bool   // the user wants a thorough one
	Text    string // what the user wrote, and nothing of the context

	Tier   Tier              // the agent's; empty: Standard
	Models map[Tier][]string // the agent's own, as "server/model", before the installation's

	InputTokens int64 // what the call carries, counted or estimated
	Images      bool  // it carries images
	Money       bool  // a budget of money holds, so that a model without a price can't be used
}

// tier is the tier that w asks for, and why.
func (w Wish) tier() (Tier, string) {
	usual := w.Tier
	if _, ok := tiers[usual]; !ok {
		usual = Standard
	}
	switch {
	case w.Quick:
		return Quick, "you asked for a quick answer"
	case w.Complex:
		return Complex, "you asked for a thorough answer"
	}
	if tier, why := byText(w.Text, usual); tier != "" {
		return tier, why
	}
	return usual, "it is what the agent usually works with"
}

// resolve finds the model that a user named.
func (r *Router) resolve(ctx context.Context, name string) (ref, error) {
	if to, ok := r.parse(name); ok {
		if r.has(ctx, r.server(to.server), to.model) {
			return to, nil
		}
		return ref{}, r.unknown(ctx)
	}
	var found []string
	for i := range r.servers {
		if s := &r.servers[i]; r.lists(ctx, s, name) {
			found = append(found, ref{s.Name, name}.String())
		}
	}
	switch len(found) {
	case 0:
		return ref{}, r.unknown(ctx)
	case 1:
		to, _ := r.parse(found[0])
		return to, nil
	}
	return ref{}, problem.BadField("model", "several providers have this model: write %s", strings.Join(found, " or "))
}

func (r *Router) unknown(ctx context.Context) error {
	return problem.BadField("model", "no such model; there are: %s", strings.Join(r.some(ctx), ", "))
}

// Check says whether a user may wish for the model of that name: nil, or
// BAD_USER_INPUT for the field "model" that names what there is.
func (r *Router) Check(ctx context.Context, name string) error {
	_, err := r.resolve(ctx, name)
	return err
}

// has reports whether s has the model. A server that can't be asked is believed.
func (r *Router) has(ctx context.Context, s *Server, model string) bool {
	if r.lists(ctx, s, model) {
		return true
	}
	if len(s.Models) > 0 || s.List == nil {
		return false
	}
	_, err := s.List(ctx)
	return err != nil
}

// lists reports whether s is known to have the model.
func (r *Router) lists(ctx context.Context, s *Server, model string) bool {
	for _, of := range r.models {
		if slices.Contains(of, ref{s.Name, model}) {
			return true
		}
	}
	switch {
	case model == s.Default:
		return model != ""
	case len(s.Models) > 0:
		return slices.Contains(s.Models, model)
	case s.List != nil:
		ids, err := s.List(ctx)
		return err == nil && slices.Contains(ids, model)
	}
	_, ok := r.catalogue.Find(s.Name, model)
	return ok
}

// mostNames bounds how many models a problem names.
const mostNames = 12

// some names models that there are: those of the tiers first, then what else servers
// are known to have.
func (r *Router) some(ctx context.Context) []string {
	var names []string
	for _, tier := range tiers[Quick] {
		for _, to := range r.tier(ctx, tier, nil) {
			names = append(names, to.String())
		}
	}
	for i := range r.servers {
		for _, model := range r.Models(ctx, r.servers[i].Name) {
			names = append(names, ref{r.servers[i].Name, model.ID}.String())
		}
	}
	seen := map[string]bool{}
	names = slices.DeleteFunc(names, func(name string) bool {
		twice := seen[name]
		seen[name] = true
		return twice
	})
	if len(names) > mostNames {
		names = append(names[:mostNames], "…")
	}
	return names
}

// Models are those that the server of that name is known to have: its own list, what
// it says when it is asked, or what the catalogue has of it, and its Default.
func (r *Router) Models(ctx context.Context, server string) []catalogue.Model {
	s := r.server(server)
	if s == nil {
		return nil
	}
	ids := slices.Clone(s.Models)
	if len(ids) == 0 && s.List != nil {
		ids, _ = s.List(ctx) // a server that is away has none
	} else if len(ids) == 0 {
		for _, m := range r.catalogue.Models() {
			if m.Provider == server {
				ids = append(ids, m.ID)
			}
		}
	}
	if s.Default != "" && !slices.Contains(ids, s.Default) {
		ids = append([]string{s.Default}, ids...)
	}
	models := make([]catalogue.Model, len(ids))
	for i, id := range ids {
		models[i] = r.model(ref{server, id})
	}
	return models
}

// model is what the catalogue says of a model, or its names only.
func (r *Router) model(to ref) catalogue.Model {
	m, _ := r.catalogue.Find(to.server, to.model)
	return m
}
