package anthropic

import (
	"slices"
	"strings"

	"github.com/anthropics/anthropic-sdk-go"

	"github.com/zeblit/zeblit/internal/llm"
)

// budgets are how many tokens a model may think that is told so in tokens. With
// DefaultMaxTokens they stay below the output limits of all that think.
var budgets = map[llm.Effort]int64{llm.EffortLow: 2048, llm.EffortMedium: 8192, llm.EffortHigh: 16384}

// leastBudget is the smallest that the vendor takes.
const leastBudget = 1024

// efforts are what the vendor calls ours.
var efforts = map[llm.Effort]anthropic.OutputConfigEffort{
	llm.EffortMinimal: anthropic.OutputConfigEffortLow,
	llm.EffortLow:     anthropic.OutputConfigEffortLow,
	llm.EffortMedium:  anthropic.OutputConfigEffortMedium,
	llm.EffortHigh:    anthropic.OutputConfigEffortHigh,
}

// Models by what they take. Those of no list are taken for current ones, which decide
// themselves when to think and are told an effort.
var (
	thoughtless = []string{"claude-2", "claude-3-5-", "claude-3-haiku", "claude-3-opus", "claude-3-sonnet"}
	budgeted    = []string{
		"claude-3-7-", "claude-opus-4-0", "claude-opus-4-1", "claude-opus-4-2", "claude-opus-4-5",
		"claude-sonnet-4-0", "claude-sonnet-4-2", "claude-sonnet-4-5", "claude-haiku-4-5",
	}
	noTemperature = []string{
		"claude-opus-4-7", "claude-opus-4-8", "claude-opus-5", "claude-sonnet-5", "claude-haiku-5",
		"claude-fable-", "claude-mythos-",
	}
)

func among(model string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(model, p) })
}

// showsProgress reports whether a request's model writes what it says between tool
// calls into thinking blocks, and nothing else: it is told to.
func showsProgress(req llm.Request) bool {
	return strings.HasPrefix(req.Model, anthropic.ModelClaudeSonnet5_5) && len(req.Tools) > 0 &&
		(req.Effort == llm.EffortDefault || req.Effort == llm.EffortMinimal)
}

// think tells the model how much to think. What it thinks counts toward MaxTokens,
// which leaves at least half for what it says.
func think(p *anthropic.MessageNewParams, req llm.Request) {
	if showsProgress(req) {
		between := anthropic.NewThinkingConfigBetweenToolsParam()
		p.Thinking.OfBetweenTools = &between
	}
	effort, ok := efforts[req.Effort]
	if !ok || among(req.Model, thoughtless) {
		return
	}
	budget := budgets[req.Effort]
	if req.MaxOutputTokens <= 0 {
		p.MaxTokens = DefaultMaxTokens + budget
	}
	if among(req.Model, budgeted) {
		if budget = min(budget, p.MaxTokens/2); budget >= leastBudget && mayBegin(req) {
			p.Thinking = anthropic.ThinkingConfigParamOfEnabled(budget)
		}
		return
	}
	p.OutputConfig.Effort = effort
	if req.Effort != llm.EffortMinimal {
		p.Thinking.OfAdaptive = &anthropic.ThinkingConfigAdaptiveParam{}
	}
}

// mayBegin reports whether a budgeted model may think now: the vendor refuses it
// between a tool's call and its result when the call wasn't thought about.
func mayBegin(req llm.Request) bool {
	n := len(req.Messages)
	if n < 2 || len(req.Messages[n-1].ToolResults) == 0 {
		return true
	}
	blocks, ok := replay(req.Messages[n-2], req.Model)
	return ok && len(blocks) > 0 && (blocks[0].OfThinking != nil || blocks[0].OfRedactedThinking != nil)
}

// takesTemperature reports whether the model takes one with these settings.
func takesTemperature(p anthropic.MessageNewParams, model string) bool {
	return p.Thinking.OfEnabled == nil && p.Thinking.OfAdaptive == nil && !among(model, noTemperature)
}
