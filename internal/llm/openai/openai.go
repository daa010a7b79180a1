// Package openai is the provider for OpenAI's chat completions API, on the official
// SDK, and for every server that speaks it: Ollama, vLLM, llama.cpp and others.
//
// Only Options decide: no environment variable is read.
package openai

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/ssestream"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/wire"
)

// Options of New.
type Options struct {
	APIKey     string       // may be empty for a compatible server
	BaseURL    string       // empty: OpenAI's own; one without a path gets /v1
	Model      string       // empty: a current GPT; compatible servers need their own
	HTTPClient *http.Client // nil: one of its own that follows no redirects
	Limits     wire.Limits  // what is zero: wire's defaults
}

// Provider implements llm.Provider.
type Provider struct {
	completions openai.ChatCompletionService
	model       string
	official    bool // OpenAI itself, not a compatible server
	limits      wire.Limits
	secrets     []string
}

var _ llm.Provider = (*Provider)(nil)

// New makes a provider. Nothing is sent or checked before the first call.
func New(o Options) *Provider {
	if o.Model == "" {
		o.Model = openai.ChatModelGPT5_6Terra
	}
	if o.HTTPClient == nil {
		o.HTTPClient = wire.Client()
	}
	options := []option.RequestOption{
		option.WithEnvironmentProduction(), // the default base URL, not the environment
		option.WithHTTPClient(o.HTTPClient),
		option.WithMaxRetries(0),
	}
	if o.APIKey != "" {
		options = append(options, option.WithAPIKey(o.APIKey))
	}
	official := true
	if o.BaseURL != "" {
		options = append(options, option.WithBaseURL(wire.Join(o.BaseURL, "v1", true)))
		u, err := url.Parse(o.BaseURL)
		official = err == nil && u.Hostname() == "api.openai.com"
	}
	// The service alone: a whole client would read the environment and link more.
	return &Provider{
		completions: openai.NewChatCompletionService(options...),
		model:       o.Model,
		official:    official,
		limits:      o.Limits,
		secrets:     wire.Secrets(o.APIKey, o.BaseURL),
	}
}

// Name implements llm.Provider.
func (p *Provider) Name() string { return "openai" }

// DefaultModel implements llm.Provider.
func (p *Provider) DefaultModel() string { return p.model }

// Stream implements llm.Provider. Where the server reports no usage, as some
// compatible ones don't, Usage is zero.
func (p *Provider) Stream(ctx context.Context, req llm.Request, onText func(string) error) (llm.Response, error) {
	if req.Model == "" {
		req.Model = p.model
	}
	call := wire.NewCall(ctx, p.limits, p.secrets...)
	defer call.Stop()

	stream := p.completions.NewStreaming(call.Context(), p.params(req), option.WithMiddleware(call.RoundTrip))
	defer func() { _ = stream.Close() }()
	answer := answer{call: call, onText: onText, calls: toolCalls{taken: usedIDs(req.Messages)}}
	for stream.Next() {
		if err := answer.take(stream.Current()); err != nil {
			return answer.partial(), err
		}
	}
	switch err := stream.Err(); {
	case answer.finished() && ctx.Err() == nil: // what breaks after the end harms nothing
		return answer.finish()
	case err != nil:
		return answer.partial(), p.failed(call, err)
	default:
		return answer.partial(), call.Ended()
	}
}

// failed is an error of the SDK or its stream in our terms.
func (p *Provider) failed(call *wire.Call, err error) error {
	if e, ok := errors.AsType[*ssestream.StreamError](err); ok {
		return wire.ReadRefusal(0, nil, e.Event.Data).Error(p.secrets...)
	}
	return call.Failed(err)
}
