package graph

import (
	"context"
	"strings"
	"time"

	"github.com/zeblit/zeblit/graph/model"
	"github.com/zeblit/zeblit/internal/llm/catalogue"
	"github.com/zeblit/zeblit/internal/llm/route"
)

// Models knows which models there are and how they are doing.
type Models interface {
	List(context.Context) []route.Listed
}

// nanoPerPrice turns millionths of a dollar a million tokens into nano-dollars.
const nanoPerPrice = 1000

func (r *queryResolver) listModels(ctx context.Context, configured *bool) []*model.Model {
	listed := r.Deps.Models.List(ctx)
	out := make([]*model.Model, 0, len(listed))
	for _, l := range listed {
		if configured == nil || *configured == l.Configured {
			out = append(out, toModel(l))
		}
	}
	return out
}

func toModel(l route.Listed) *model.Model {
	m := &model.Model{
		ID: l.Provider + "/" + l.ID, Name: l.ID, Label: l.Name, Provider: l.Provider,
		Configured: l.Configured, Demo: l.Provider == "demo",
		ContextWindow: tokens(l.ContextWindow), OutputLimit: tokens(l.OutputLimit),
		Price: toPrice(l.Price), Priced: l.Price != nil,
		Abilities: []model.ModelAbility{}, Efforts: l.Efforts,
	}
	if m.Efforts == nil {
		m.Efforts = []string{}
	}
	if l.Tools {
		m.Abilities = append(m.Abilities, model.ModelAbilityTools)
	}
	if l.Images {
		m.Abilities = append(m.Abilities, model.ModelAbilityImages)
	}
	if l.Reasoning {
		m.Abilities = append(m.Abilities, model.ModelAbilityReasoning)
	}
	if l.Configured {
		m.Health = toHealth(l.Health)
	}
	return m
}

func toPrice(p *catalogue.Price) *model.ModelPrice {
	if p == nil {
		return nil
	}
	out := &model.ModelPrice{
		Input: p.Input * nanoPerPrice, Output: p.Output * nanoPerPrice,
		CacheRead: p.CacheRead * nanoPerPrice, CacheWrite: p.CacheWrite * nanoPerPrice,
		AsOf: nilIfEmpty(p.AsOf),
	}
	if l := p.Long; l != nil {
		out.Long = &model.LongPromptPrice{
			Above: int(l.Above), Input: l.Input * nanoPerPrice, Output: l.Output * nanoPerPrice,
			CacheRead: l.CacheRead * nanoPerPrice, CacheWrite: l.CacheWrite * nanoPerPrice,
		}
	}
	return out
}

func toHealth(h route.Health) *model.ModelHealth {
	out := &model.ModelHealth{
		State:         model.ModelHealthState(strings.ToUpper(string(h.State))),
		LastSuccessAt: moment(h.LastSuccess), LastFailureAt: moment(h.LastFailure), LastFailure: nilIfEmpty(h.Failure),
		Calls: h.Calls, ResetsAt: moment(h.ResetsAt), RetryAt: moment(h.RetryAt),
	}
	if h.Calls > 0 {
		out.ErrorRate = &h.ErrorRate
	}
	if h.Latency > 0 {
		ms := int(h.Latency.Milliseconds())
		out.LatencyMs = &ms
	}
	return out
}

// moment is nil for the zero time.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// tokens is nil where 0 says that nobody knows.
func tokens(n int64) *int {
	if n == 0 {
		return nil
	}
	count := int(min(n, 1<<31-1))
	return &count
}
