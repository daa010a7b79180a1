// Package configured makes the model providers that the settings ask for: any number
// of them at once. Nothing is sent to them before they are used.
package configured

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/anthropic"
	"github.com/zeblit/zeblit/internal/llm/demo"
	"github.com/zeblit/zeblit/internal/llm/openai"
)

// GeminiURL is where Google serves its models in OpenAI's words.
const GeminiURL = "https://generativelanguage.googleapis.com/v1beta/openai/"

// GeminiDefault is used where no model of Google's is named.
const GeminiDefault = "gemini-3.7-flash"

// Options are the settings of all providers. One without a key (or, where a key may
// not be needed, without a URL) isn't configured.
type Options struct {
	AnthropicKey     string
	AnthropicBaseURL string
	AnthropicModel   string

	OpenAIKey     string // may be empty where OpenAIBaseURL is set
	OpenAIBaseURL string
	OpenAIModel   string

	GeminiKey     string
	GeminiBaseURL string // empty: GeminiURL
	GeminiModel   string // empty: GeminiDefault

	OllamaURL string // see OllamaURL; empty: none

	Servers []ServerOptions // with OpenAI's API, in the order in which they are preferred

	// HTTPClient makes all calls; nil: each provider's own, which follows no redirects.
	HTTPClient *http.Client

	DemoPace time.Duration // 0: demo.DefaultPace; negative: no pause
}

// Server is one provider that is configured. Its fields are those of route.Server.
type Server struct {
	Name     string // unique, [a-z0-9-]{1,32}; the catalogue's provider where that knows it
	Provider llm.Provider
	Models   []string // all that it has; empty: those of the catalogue, or of List
	Default  string   // used when none is named; empty: the first of List
	// List asks it which models it has, if need be, and remembers the answer for some
	// minutes. nil: Models and the catalogue say it.
	List func(context.Context) ([]string, error)
}

// Providers makes all that are configured, in the order in which they are preferred:
// Anthropic, OpenAI (or the server at its base URL), Gemini, the servers of the list,
// Ollama. Where none is, it is the demo model alone. The error joins what is wrong, a
// sentence each.
func Providers(o Options) ([]Server, error) {
	var all []Server
	if o.AnthropicKey != "" {
		all = append(all, claude(o))
	}
	if o.OpenAIKey != "" || o.OpenAIBaseURL != "" {
		all = append(all, gpt(o))
	}
	if o.GeminiKey != "" {
		all = append(all, gemini(o))
	}
	for _, server := range o.Servers {
		all = append(all, compatible(server, o.HTTPClient))
	}
	if o.OllamaURL != "" {
		all = append(all, compatible(ServerOptions{Name: "ollama", URL: o.OllamaURL}, o.HTTPClient))
	}
	if len(all) == 0 {
		if o.DemoPace == 0 {
			o.DemoPace = demo.DefaultPace
		}
		p := demo.New(demo.Options{Pace: o.DemoPace})
		all = append(all, Server{Name: p.Name(), Provider: p, Models: []string{p.DefaultModel()}, Default: p.DefaultModel()})
	}
	return all, twice(all)
}

// Choose makes the provider that is preferred.
func Choose(o Options) llm.Provider {
	all, _ := Providers(o) // a name that is there twice harms not the first
	return all[0].Provider
}

func official(baseURL string) bool {
	u, err := url.Parse(baseURL)
	return err == nil && (baseURL == "" || u.Hostname() == "api.openai.com")
}

func claude(o Options) Server {
	p := anthropic.New(anthropic.Options{APIKey: o.AnthropicKey, BaseURL: o.AnthropicBaseURL, Model: o.AnthropicModel, HTTPClient: o.HTTPClient})
	return Server{Name: "anthropic", Provider: p, Default: p.DefaultModel()}
}

func gpt(o Options) Server {
	p := openai.New(openai.Options{APIKey: o.OpenAIKey, BaseURL: o.OpenAIBaseURL, Model: o.OpenAIModel, HTTPClient: o.HTTPClient})
	s := Server{Name: "openai", Provider: p, Default: p.DefaultModel()}
	if !official(o.OpenAIBaseURL) {
		s.Models = []string{s.Default} // who knows what else another server has
	}
	return s
}

func gemini(o Options) Server {
	if o.GeminiBaseURL == "" {
		o.GeminiBaseURL = GeminiURL
	}
	if o.GeminiModel == "" {
		o.GeminiModel = GeminiDefault
	}
	p := openai.New(openai.Options{APIKey: o.GeminiKey, BaseURL: o.GeminiBaseURL, Model: o.GeminiModel, HTTPClient: o.HTTPClient})
	return Server{Name: "gemini", Provider: named{Provider: p, name: "gemini", model: o.GeminiModel}, Default: o.GeminiModel}
}

// compatible is a server that is known by its URL only.
func compatible(o ServerOptions, client *http.Client) Server {
	p := named{name: o.Name}
	s := Server{Name: o.Name, Models: o.Models}
	if len(o.Models) > 0 {
		p.model, s.Default = o.Models[0], o.Models[0]
	} else {
		list := newListing(o, client)
		s.List, p.first = list.models, list.first
	}
	p.Provider = openai.New(openai.Options{APIKey: o.Key, BaseURL: o.URL, Model: p.model, HTTPClient: client})
	s.Provider = p
	return s
}

func twice(all []Server) error {
	var problems []error
	seen := map[string]bool{}
	for _, s := range all {
		if seen[s.Name] {
			problems = append(problems, fmt.Errorf("two model servers have the name %s", s.Name))
		}
		seen[s.Name] = true
	}
	return errors.Join(problems...)
}

// named is a provider under the name of its server.
type named struct {
	llm.Provider
	name  string
	model string                                // empty: first
	first func(context.Context) (string, error) // the model when none is named
}

func (p named) Name() string { return p.name }

func (p named) DefaultModel() string { return p.model }

func (p named) Stream(ctx context.Context, req llm.Request, onText func(string) error) (llm.Response, error) {
	if req.Model == "" && p.first != nil {
		model, err := p.first(ctx)
		if err != nil {
			return llm.Response{}, err
		}
		req.Model = model
	}
	return p.Provider.Stream(ctx, req, onText)
}

// Check makes the cheapest call that shows whether the server is there and takes the
// key: the provider's own where it has one, else one for a single token.
func (p named) Check(ctx context.Context) error {
	if checker, ok := p.Provider.(interface{ Check(context.Context) error }); ok {
		return checker.Check(ctx)
	}
	_, err := p.Stream(ctx, llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Text: "Hi"}}, MaxOutputTokens: 1},
		func(string) error { return nil })
	return err
}
