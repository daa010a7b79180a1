package route

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/catalogue"
	"github.com/zeblit/zeblit/internal/problem"
)

// Candidate is a model that a call may go to.
type Candidate struct {
	Server   string
	Provider llm.Provider
	Model    catalogue.Model // its ID is what the request names
	Tier     Tier            // empty: no tier has it, the user named it
	Reason   string          // why it is this one, a sentence for users without its full stop
}

func (c Candidate) String() string { return c.ref().String() }

func (c Candidate) ref() ref { return ref{c.Server, c.Model.ID} }

// room is what an answer needs of a window at least, in tokens.
const room = 4096

// holds reports whether the input and some answer fit. An unknown window is believed.
func holds(m catalogue.Model, input int64) bool {
	return m.ContextWindow == 0 || input+min(room, m.ContextWindow/4) <= m.ContextWindow
}

// Candidates are the models that may answer w, the best first and each with its
// reason: the one that was wished for, the others of the tier, those of the tiers
// above, those below, and last the models that don't answer these days. What can't be
// used is left out. The error is a problem: BAD_USER_INPUT for an unknown model,
// PRECONDITION_FAILED where a budget of money leaves none, UNAVAILABLE where no server
// says which models it has.
func (r *Router) Candidates(ctx context.Context, w Wish) ([]Candidate, error) {
	all, err := r.ordered(ctx, w)
	if err != nil {
		return nil, err
	}
	if w.Money {
		if all, err = priced(all, w.Model != ""); err != nil {
			return nil, err
		}
	}
	all = prefer(all, func(c Candidate) bool { return holds(c.Model, w.InputTokens) }, "can't hold as much")
	if w.Images {
		all = prefer(all, func(c Candidate) bool { return c.Model.Images || !c.known() }, "sees no images")
	}
	return r.healthyFirst(all), nil
}

// known reports whether the catalogue says anything of the model.
func (c Candidate) known() bool { return c.Model.ContextWindow > 0 }

// ordered are all candidates of w, before anything is left out.
func (r *Router) ordered(ctx context.Context, w Wish) ([]Candidate, error) {
	tier, why := w.tier()
	var all []Candidate
	if w.Model != "" {
		to, err := r.resolve(ctx, w.Model)
		if err != nil {
			return nil, err
		}
		for _, t := range tiers[tier] {
			if slices.Contains(r.tier(ctx, t, w.Models[t]), to) {
				tier = t
				break
			}
		}
		all = r.add(all, "you asked for it", "", to)
	}
	for _, t := range tiers[tier] {
		all = r.add(all, why, t, r.tier(ctx, t, w.Models[t])...)
	}
	for _, t := range tiers[tier] { // the servers that no list names
		for i := range r.servers {
			if model, err := r.servers[i].usual(ctx, t); err == nil && model != "" {
				all = r.add(all, why, t, ref{r.servers[i].Name, model})
			}
		}
	}
	if len(all) == 0 {
		return nil, problem.New(problem.Unavailable, "no model can be reached: %s", r.away(ctx))
	}
	return all, nil
}

// tier are the models of one tier: the agent's, then the installation's, or where it
// has none what each server has by default.
func (r *Router) tier(ctx context.Context, tier Tier, agents []string) []ref {
	var all []ref
	for _, name := range agents {
		if to, ok := r.parse(name); ok { // an agent may know servers that aren't here
			all = append(all, to)
		}
	}
	if own := r.models[tier]; len(own) > 0 {
		return append(all, own...)
	}
	for i := range r.servers {
		if model, err := r.servers[i].usual(ctx, tier); err == nil && model != "" {
			all = append(all, ref{r.servers[i].Name, model})
		}
	}
	return all
}

func (r *Router) add(all []Candidate, reason string, tier Tier, models ...ref) []Candidate {
	for _, to := range models {
		if slices.ContainsFunc(all, func(c Candidate) bool { return c.ref() == to }) {
			continue
		}
		all = append(all, Candidate{
			Server: to.server, Provider: r.server(to.server).Provider, Model: r.model(to), Tier: tier, Reason: reason,
		})
	}
	return all
}

// away says why no server has a model.
func (r *Router) away(ctx context.Context) string {
	for i := range r.servers {
		if _, err := r.servers[i].usual(ctx, Standard); err != nil {
			return err.Error()
		}
	}
	return "no server has any"
}

// priced leaves the models that have a price. One that was asked for must have it.
func priced(all []Candidate, asked bool) ([]Candidate, error) {
	const how = "a budget of money applies and %s has no price: choose another model, or set its price in ZEBLIT_MODELS"
	if first := all[0]; asked && first.Model.Price == nil {
		return nil, &problem.Error{Code: problem.PreconditionFailed, Field: "model", Message: fmt.Sprintf(how, first)}
	}
	first := all[0]
	all = slices.DeleteFunc(all, func(c Candidate) bool { return c.Model.Price == nil })
	if len(all) == 0 {
		return nil, problem.New(problem.PreconditionFailed, how, first)
	}
	if all[0].ref() != first.ref() {
		all[0].Reason = fmt.Sprintf("%s has no price, and a budget of money applies", first)
	}
	return all, nil
}

// prefer leaves the candidates that fit, unless none does. Where the first one doesn't,
// the new first one says so.
func prefer(all []Candidate, fits func(Candidate) bool, otherwise string) []Candidate {
	if !slices.ContainsFunc(all, fits) {
		return all
	}
	first := all[0]
	all = slices.DeleteFunc(all, func(c Candidate) bool { return !fits(c) })
	if all[0].ref() != first.ref() {
		all[0].Reason = fmt.Sprintf("%s %s", first, otherwise)
	}
	return all
}

// healthyFirst puts those last that don't answer these days, or whose quota is used up.
// The first that may be tried again is tried by this call, and by no other until it is
// reported.
func (r *Router) healthyFirst(all []Candidate) []Candidate {
	now := time.Now()
	var good, bad []Candidate
	for _, c := range all {
		switch {
		case r.board(c.Server).admits(c, now, len(good) == 0):
			good = append(good, c)
		default:
			bad = append(bad, c)
		}
	}
	if len(good) > 0 && good[0].ref() != all[0].ref() {
		good[0].Reason = fmt.Sprintf("%s %s", all[0], r.board(all[0].Server).trouble(all[0], now))
	}
	return append(good, bad...)
}
