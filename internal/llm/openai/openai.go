// Package openai is the provider for OpenAI, on the official SDK, and for every server
// that speaks its chat completions API: Ollama, vLLM, llama.cpp, Gemini and others.
//
// OpenAI itself is called by its Responses API, where its models may think between
// their tool calls. Only Options decide: no environment variable is read.
package openai

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/ssestream"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/wire"
)

// API is one of the vendor's ways to talk to a model.
type API string

const (
	Responses API = "responses"
	Chat      API = "chat"
)

// Options of New.
type Options struct {
	Name       string       // empty: openai
	APIKey     string       // may be empty for a compatible server
	BaseURL    string       // empty: OpenAI's own; one without a path gets /v1
	API        API          // empty: Responses for OpenAI itself, Chat for others
	Model      string       // empty: a current GPT; compatible servers need their own
	HTTPClient *http.Client // nil: one of its own that follows no redirects
	Limits     wire.Limits  // what is zero: wire's defaults, but 5 minutes to the first byte of a chat
}

// firstByte is how long a chat may be silent at first. Servers load a model then, or
// read a long prompt, or let it think.
const firstByte = 5 * time.Minute

// Provider implements llm.Provider.
type Provider struct {
	name      string
	options   []option.RequestOption
	api       API
	model     string
	official  bool // OpenAI itself, not a compatible server
	http      *http.Client
	key, base string
	limits    wire.Limits
	secrets   []string
}

var _ llm.Provider = (*Provider)(nil)

// defaultBase is OpenAI's own.
const defaultBase = "https://api.openai.com/v1"

// New makes a provider. Nothing is sent or checked before the first call.
func New(o Options) *Provider {
	base := defaultBase
	if o.BaseURL != "" {
		base = wire.Join(o.BaseURL, "v1", true)
	}
	u, err := url.Parse(base)
	p := &Provider{
		name:     cmp.Or(o.Name, "openai"),
		api:      o.API,
		model:    cmp.Or(o.Model, openai.ChatModelGPT5_6Terra),
		official: err == nil && u.Hostname() == "api.openai.com",
		http:     cmp.Or(o.HTTPClient, wire.Client()),
		key:      o.APIKey,
		base:     base,
		limits:   o.Limits,
		secrets:  wire.Secrets(o.APIKey, o.BaseURL),
	}
	if p.api == "" {
		p.api = Chat
		if p.official {
			p.api = Responses
		}
	}
	if p.api == Chat {
		p.limits = p.limits.Or(wire.Limits{First: firstByte})
	}
	p.options = []option.RequestOption{
		option.WithEnvironmentProduction(), // not the environment
		option.WithBaseURL(base),
		option.WithHTTPClient(p.http),
		option.WithMaxRetries(0),
	}
	if o.APIKey != "" {
		p.options = append(p.options, option.WithAPIKey(o.APIKey))
	}
	return p
}

// Name implements llm.Provider.
func (p *Provider) Name() string { return p.name }

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

	watched := option.WithMiddleware(call.RoundTrip)
	ids := wire.NewIDs(req.Messages)
	// Not openai.NewClient, which reads the environment, and nothing of the SDK's in a
	// field of p: all of its methods would be linked.
	if p.api == Chat {
		completions := openai.NewChatCompletionService(p.options...)
		stream := completions.NewStreaming(call.Context(), p.chatParams(req), watched)
		return read(ctx, call, stream, &chatAnswer{call: call, model: req.Model, onText: onText, calls: toolCalls{ids: ids}})
	}
	var stream *http.Response
	client := openai.Client{Options: p.options}
	err := client.Post(call.Context(), "responses", p.responseRequest(req), &stream, watched)
	if err != nil {
		return llm.Response{}, failed(call, err)
	}
	events := ssestream.NewStream[event](ssestream.NewDecoder(stream), nil)
	return read(ctx, call, events, &responseAnswer{call: call, model: req.Model, onText: onText, ids: ids, calls: map[int64]*responseCall{}})
}

// answer is built from the events of one API's stream.
type answer[E any] interface {
	take(event E) error
	finished() bool // the model said that it was done
	finish() (llm.Response, error)
	partial() llm.Response
}

func read[E any](ctx context.Context, call *wire.Call, stream *ssestream.Stream[E], a answer[E]) (llm.Response, error) {
	defer func() { _ = stream.Close() }()
	for stream.Next() {
		if err := a.take(stream.Current()); err != nil {
			return a.partial(), err
		}
	}
	switch err := stream.Err(); {
	case a.finished() && ctx.Err() == nil: // what breaks after the end harms nothing
		return a.finish()
	case err != nil:
		return a.partial(), failed(call, err)
	default:
		return a.partial(), call.Ended()
	}
}

// failed is an error of the SDK or its stream in our terms.
func failed(call *wire.Call, err error) error {
	if e, ok := errors.AsType[*ssestream.StreamError](err); ok {
		return call.Refused(wire.ReadRefusal(0, nil, e.Event.Data))
	}
	return call.Failed(err)
}
