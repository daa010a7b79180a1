package route

import (
	"maps"
	"slices"
)

// Keyed is a server with a key that isn't the installation's. How it did lately is the
// key's own matter, and is forgotten together with it.
type Keyed struct {
	Server
	health *board
}

// NewKeyed makes a Keyed. Many routers may have it at once.
func NewKeyed(s Server) *Keyed { return &Keyed{Server: s, health: newBoard()} }

// With is a router that has own beside its servers: each in the place of the server of
// its name, or, where there is none, after all others. demo gives way to any. The rest
// is the same as r's, also how the servers do that stay.
func (r *Router) With(own ...*Keyed) *Router {
	if len(own) == 0 {
		return r
	}
	with := &Router{
		servers: slices.Clone(r.servers), catalogue: r.catalogue, models: r.models, backoff: r.backoff,
		health: r.health, keyed: maps.Clone(r.keyed),
	}
	if with.keyed == nil {
		with.keyed = map[string]*Keyed{}
	}
	if with.server("demo") != nil {
		with.servers = slices.DeleteFunc(with.servers, func(s Server) bool { return s.Name == "demo" })
		with.models = maps.Clone(r.models)
		for tier, of := range r.models {
			with.models[tier] = slices.DeleteFunc(slices.Clone(of), func(to ref) bool { return to.server == "demo" })
		}
	}
	for _, k := range own {
		with.keyed[k.Name] = k
		if at := with.server(k.Name); at != nil {
			*at = k.Server
		} else {
			with.servers = append(with.servers, k.Server)
		}
	}
	return with
}

// board is where it is noted how a server does.
func (r *Router) board(server string) *board {
	if k := r.keyed[server]; k != nil {
		return k.health
	}
	return r.health
}
