package route

import (
	"context"

	"github.com/zeblit/zeblit/internal/llm/catalogue"
)

// Listed is a model that is shown.
type Listed struct {
	catalogue.Model
	Configured bool   // its server is configured
	Health     Health // of a configured one
}

// List are all models that there are: first those of the configured servers, in their
// order, then what else the catalogue has. The demo model is there only when it is
// configured.
func (r *Router) List(ctx context.Context) []Listed {
	var all []Listed
	for _, s := range r.servers {
		models := r.Models(ctx, s.Name)
		for _, tier := range tiers[Quick] {
			for _, to := range r.models[tier] {
				if to.server == s.Name && !listed(models, to.model) {
					models = append(models, r.model(to))
				}
			}
		}
		for _, m := range models {
			all = append(all, Listed{Model: m, Configured: true, Health: r.Health(s.Name, m.ID)})
		}
	}
	for _, m := range r.catalogue.Models() {
		if m.Provider != "demo" && r.server(m.Provider) == nil {
			all = append(all, Listed{Model: m})
		}
	}
	return all
}

func listed(models []catalogue.Model, id string) bool {
	for _, m := range models {
		if m.ID == id {
			return true
		}
	}
	return false
}
