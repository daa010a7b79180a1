// Package catalogue is what is known of models before they are called: how much fits
// into them, what they can do and what they cost.
//
// models.tsv comes from charm.land/catwalk and is generated (see compact);
// supplement.tsv has what that lacks or has too old; an installation's own entries win
// over both. The tables are parsed when they are first asked for, so that a process
// that never asks pays nothing.
package catalogue

import (
	"cmp"
	"slices"
	"strings"
	"sync"
)

// Model is what the catalogue says of one model. Zero windows and limits are unknown
// ones, and a nil Price means that nobody told a price: that is not the price 0.
type Model struct {
	Provider      string // as it is configured: "anthropic"
	ID            string // as the vendor calls it: "claude-sonnet-5"
	Name          string // for people
	ContextWindow int64  // tokens of input and output together
	OutputLimit   int64  // tokens of one answer
	Price         *Price

	Tools     bool
	Images    bool
	Reasoning bool
	Efforts   []string // how much it can be told to reason, from little to much
}

// Catalogue knows models. It never changes, and many may use it at once; nobody may
// change what its Models point to.
type Catalogue struct {
	overrides []override
	load      func() index
}

type key struct{ provider, id string }

type index struct {
	models map[key]Model
	order  []key
	asOf   string
}

// New makes a catalogue in which the entries of overridesJSON win; see docs/models.md
// for their form. It may be empty. The error joins one error for each mistake, each a
// sentence for whoever wrote the entries.
func New(overridesJSON []byte) (*Catalogue, error) {
	overrides, err := parseOverrides(overridesJSON)
	if err != nil {
		return nil, err
	}
	c := &Catalogue{overrides: overrides}
	c.load = sync.OnceValue(c.build)
	return c, nil
}

// Find tells of one model of one provider. An id without a date, as vendors take for
// the newest snapshot, finds the dated entry where there is no other; a dated id finds
// no entry but its own, because older snapshots may have other prices. Where only
// the installation's entry for all of a provider's models fits, ok is true as well.
func (c *Catalogue) Find(provider, model string) (m Model, ok bool) {
	known := c.load()
	if m, ok = known.models[key{provider, model}]; ok {
		return m, true
	}
	if id, found := known.newest(provider, model); found {
		m = known.models[key{provider, id}]
		m.ID = model
		return m, true
	}
	m = Model{Provider: provider, ID: model, Name: model, Tools: true}
	for _, o := range c.overrides {
		if o.Provider == provider && o.ID == anyModel {
			o.apply(&m)
			ok = true
		}
	}
	return m, ok
}

// Models are all that the catalogue names, by provider, each vendor's in its order.
func (c *Catalogue) Models() []Model {
	known := c.load()
	out := make([]Model, len(known.order))
	for i, k := range known.order {
		out[i] = known.models[k]
	}
	return out
}

// AsOf is the day up to which no price of the catalogue's own tables is older, as
// yyyy-mm-dd.
func (c *Catalogue) AsOf() string { return c.load().asOf }

// build parses the tables and lays the overrides over them.
func (c *Catalogue) build() index {
	known := index{models: map[key]Model{}}
	for _, table := range []string{modelsTable, supplementTable} {
		models, err := parseTable(table)
		if err != nil {
			panic(err) // a test parses the same text
		}
		for _, m := range models {
			known.put(m)
			if m.Price != nil && (known.asOf == "" || m.Price.AsOf < known.asOf) {
				known.asOf = m.Price.AsOf
			}
		}
	}
	for _, o := range c.overrides {
		if o.ID == anyModel {
			for k, m := range known.models {
				if k.provider == o.Provider {
					o.apply(&m)
					known.models[k] = m
				}
			}
		}
	}
	for _, o := range c.overrides {
		if o.ID == anyModel {
			continue
		}
		m, ok := known.models[key{o.Provider, o.ID}]
		if !ok {
			m = Model{Provider: o.Provider, ID: o.ID, Name: o.ID, Tools: true}
			for _, all := range c.overrides {
				if all.Provider == o.Provider && all.ID == anyModel {
					all.apply(&m)
				}
			}
		}
		o.apply(&m)
		known.put(m)
	}
	slices.SortStableFunc(known.order, func(a, b key) int { return cmp.Compare(a.provider, b.provider) })
	return known
}

func (x *index) put(m Model) {
	k := key{m.Provider, m.ID}
	if _, ok := x.models[k]; !ok {
		x.order = append(x.order, k)
	}
	x.models[k] = m
}

// newest finds the id of model's newest dated snapshot: "m-20251001" for "m".
func (x *index) newest(provider, model string) (string, bool) {
	var found string
	for k := range x.models {
		if k.provider != provider {
			continue
		}
		if date, ok := strings.CutPrefix(k.id, model+"-"); ok && dated(date) {
			found = max(found, k.id)
		}
	}
	return found, found != ""
}

// dated reports whether s is a snapshot's date, 20251001 or 2025-10-01.
func dated(s string) bool {
	s = strings.ReplaceAll(s, "-", "")
	return len(s) == len("20251001") && strings.HasPrefix(s, "20") && strings.Trim(s, "0123456789") == ""
}
