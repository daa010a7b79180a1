// Package configured chooses the model provider that the settings ask for.
package configured

import (
	"time"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/anthropic"
	"github.com/zeblit/zeblit/internal/llm/demo"
	"github.com/zeblit/zeblit/internal/llm/openai"
)

// Options are the settings of all vendors; those of the others are ignored.
type Options struct {
	AnthropicKey     string
	AnthropicBaseURL string
	AnthropicModel   string

	OpenAIKey     string // may be empty where OpenAIBaseURL is set
	OpenAIBaseURL string
	OpenAIModel   string

	DemoPace time.Duration // 0: demo.DefaultPace; negative: no pause
}

// Choose makes the first provider that is configured: Anthropic with a key, OpenAI
// (or a compatible server) with a key or a base URL, else the demo model.
func Choose(o Options) llm.Provider {
	switch {
	case o.AnthropicKey != "":
		return anthropic.New(anthropic.Options{APIKey: o.AnthropicKey, BaseURL: o.AnthropicBaseURL, Model: o.AnthropicModel})
	case o.OpenAIKey != "" || o.OpenAIBaseURL != "":
		return openai.New(openai.Options{APIKey: o.OpenAIKey, BaseURL: o.OpenAIBaseURL, Model: o.OpenAIModel})
	}
	if o.DemoPace == 0 {
		o.DemoPace = demo.DefaultPace
	}
	return demo.New(demo.Options{Pace: o.DemoPace})
}
