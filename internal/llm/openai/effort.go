package openai

import (
	"regexp"
	"slices"
	"strings"

	"github.com/openai/openai-go/v3/shared"

	"github.com/zeblit/zeblit/internal/llm"
)

// minimal are OpenAI's models that know the effort of that name.
var minimal = regexp.MustCompile(`^gpt-5(-mini|-nano)?(-\d{4}-\d\d-\d\d)?$`)

// unreasoning reports whether a model of OpenAI's doesn't reason, and takes no word of it.
func unreasoning(model string) bool {
	return slices.ContainsFunc([]string{"gpt-3", "gpt-4", "chatgpt-"}, func(p string) bool { return strings.HasPrefix(model, p) })
}

// effort is the request's in the vendor's terms; empty is the vendor's default.
func (p *Provider) effort(req llm.Request) shared.ReasoningEffort {
	switch {
	case p.official && unreasoning(req.Model):
		return ""
	case p.official && req.Effort == llm.EffortMinimal && !minimal.MatchString(req.Model):
		return shared.ReasoningEffortLow
	}
	return shared.ReasoningEffort(req.Effort)
}

// takesTemperature reports whether one may be sent. OpenAI's models that reason take none.
func (p *Provider) takesTemperature(req llm.Request) bool {
	if !p.official {
		return true
	}
	return unreasoning(req.Model) || !strings.HasPrefix(req.Model, "gpt-") && !reasoningSeries.MatchString(req.Model)
}

// reasoningSeries are OpenAI's models that are named for their reasoning: o1, o3, o4-mini.
var reasoningSeries = regexp.MustCompile(`^o\d`)

// toolsWithoutReasoning reports whether OpenAI takes function tools for the model, in
// chat completions, only with its reasoning switched off.
func toolsWithoutReasoning(model string) bool {
	for _, family := range []string{"gpt-5.4", "gpt-5.5", "gpt-5.6", "gpt-6-sol", "gpt-6-luna", "gpt-6.1-terra"} {
		if strings.HasPrefix(model, family) {
			return true
		}
	}
	return false
}
