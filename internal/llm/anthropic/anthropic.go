// Package anthropic is the provider for Anthropic's Messages API, on the official SDK.
//
// Only Options decide: no environment variable is read. Of the transcript two places
// are marked for the vendor's prompt cache: the end of the system prompt (which takes
// in the tools before it) and the end of the last message, so that each turn of a
// tool loop reads what the one before it wrote.
package anthropic

import (
	"context"
	"net/http"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/wire"
)

// DefaultMaxTokens bounds an answer when the request doesn't.
const DefaultMaxTokens = 8192

// Options of New.
type Options struct {
	APIKey     string
	BaseURL    string       // empty: Anthropic's own; with or without a trailing /v1
	Model      string       // empty: a current Claude Sonnet
	HTTPClient *http.Client // nil: one of its own that follows no redirects
	Limits     wire.Limits  // what is zero: wire's defaults
}

// Provider implements llm.Provider.
type Provider struct {
	options []option.RequestOption
	http    *http.Client
	key     string
	base    string
	model   string
	limits  wire.Limits
	secrets []string
}

var (
	_ llm.Provider = (*Provider)(nil)
	_ llm.Checker  = (*Provider)(nil)
)

// defaultBase is Anthropic's own.
const defaultBase = "https://api.anthropic.com"

// New makes a provider. Nothing is sent or checked before the first call.
func New(o Options) *Provider {
	if o.Model == "" {
		o.Model = anthropic.ModelClaudeSonnet5_5
	}
	if o.HTTPClient == nil {
		o.HTTPClient = wire.Client()
	}
	base := defaultBase
	if o.BaseURL != "" {
		base = wire.Join(o.BaseURL, "v1", false)
	}
	options := []option.RequestOption{
		option.WithEnvironmentProduction(), // not the environment
		option.WithBaseURL(base),
		option.WithoutOpenTelemetry(),
		option.WithHTTPClient(o.HTTPClient),
		option.WithMaxRetries(0),
		option.WithAPIKey(o.APIKey),
	}
	return &Provider{
		options: options,
		http:    o.HTTPClient,
		key:     o.APIKey,
		base:    base,
		model:   o.Model,
		limits:  o.Limits,
		secrets: wire.Secrets(o.APIKey, o.BaseURL),
	}
}

// Name implements llm.Provider.
func (p *Provider) Name() string { return "anthropic" }

// DefaultModel implements llm.Provider.
func (p *Provider) DefaultModel() string { return p.model }

// Stream implements llm.Provider.
func (p *Provider) Stream(ctx context.Context, req llm.Request, onText func(string) error) (llm.Response, error) {
	if req.Model == "" {
		req.Model = p.model
	}
	call := wire.NewCall(ctx, p.limits, p.secrets...)
	defer call.Stop()

	// Not anthropic.NewClient, which reads the environment, and nothing of the SDK's in a
	// field of p: all of its methods would be linked.
	messages := anthropic.NewMessageService(p.options...)
	stream := messages.NewStreaming(call.Context(), params(req), option.WithMiddleware(call.RoundTrip))
	defer func() { _ = stream.Close() }()
	answer := answer{call: call, request: req, ids: wire.NewIDs(req.Messages), onText: onText}
	for done := false; !done && stream.Next(); {
		var err error
		if done, err = answer.take(stream.Current()); err != nil {
			return answer.partial(), err
		}
	}
	switch err := stream.Err(); {
	case answer.finished() && ctx.Err() == nil: // what breaks after the end harms nothing
		return answer.finish()
	case err != nil:
		return answer.partial(), failed(call, err)
	default:
		return answer.partial(), call.Ended()
	}
}

// Check implements llm.Checker: it asks for the list of models, or, of a server that
// has none, for one token.
func (p *Provider) Check(ctx context.Context) error {
	call := wire.NewCall(ctx, p.limits, p.secrets...)
	defer call.Stop()
	header := http.Header{}
	header.Set("X-Api-Key", p.key)
	header.Set("Anthropic-Version", "2023-06-01")
	err := call.List(p.http, p.base+"/v1/models?limit=1", header)
	if !wire.Unlisted(err) {
		return err
	}
	_, err = p.Stream(ctx, llm.OneToken(), func(string) error { return nil })
	return err
}
