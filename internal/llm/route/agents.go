package route

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Agent is what an installation wants of one agent's models.
type Agent struct {
	Tier   Tier              // that it usually works with; empty: its own
	Models map[Tier][]string // as "server/model", before the installation's
}

// ParseAgents reads {"engineer": {"tier": "complex", "standard": ["server/model"]}}. The
// error joins what is wrong, a sentence each.
func ParseAgents(text []byte) (map[string]Agent, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, nil
	}
	var read map[string]struct {
		Tier                     Tier
		Quick, Standard, Complex []string
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&read); err != nil {
		return nil, fmt.Errorf("must be an object of agents, each with tier, quick, standard and complex: %w", err)
	}
	if d.More() {
		return nil, errors.New("must be one object")
	}
	agents := map[string]Agent{}
	var problems []error
	for _, slug := range slices.Sorted(maps.Keys(read)) {
		r := read[slug]
		if _, ok := tiers[r.Tier]; !ok && r.Tier != "" {
			problems = append(problems, fmt.Errorf("the tier of %s must be quick, standard or complex", slug))
		}
		a := Agent{Tier: r.Tier, Models: map[Tier][]string{Quick: r.Quick, Standard: r.Standard, Complex: r.Complex}}
		for _, name := range slices.Concat(r.Quick, r.Standard, r.Complex) {
			if server, model, ok := strings.Cut(name, "/"); !ok || server == "" || model == "" {
				problems = append(problems, fmt.Errorf("the models of %s must be named like anthropic/claude-sonnet-5; one is %q", slug, name))
			}
		}
		agents[slug] = a
	}
	return agents, errors.Join(problems...)
}
