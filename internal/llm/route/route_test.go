package route_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/catalogue"
	"github.com/zeblit/zeblit/internal/llm/route"
	"github.com/zeblit/zeblit/internal/problem"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// provider answers nothing: no test here makes a call.
type provider struct{ name string }

func (p provider) Name() string         { return p.name }
func (p provider) DefaultModel() string { return "" }
func (p provider) Stream(context.Context, llm.Request, func(string) error) (llm.Response, error) {
	panic("a router makes no calls")
}

func server(name, standard string, models ...string) route.Server {
	return route.Server{Name: name, Provider: provider{name}, Default: standard, Models: models}
}

func asked(name string, list func(context.Context) ([]string, error)) route.Server {
	return route.Server{Name: name, Provider: provider{name}, List: list}
}

var (
	anthropic = server("anthropic", "claude-sonnet-5-5")
	openai    = server("openai", "gpt-5.6-terra")
	vllm      = server("vllm", "qwen", "qwen", "llama")
	errAway   = &llm.Error{Kind: llm.KindUnavailable, Message: "connection refused"}
	ollama    = asked("ollama", func(context.Context) ([]string, error) { return []string{"qwen3:8b", "llama"}, nil })
	away      = asked("ollama", func(context.Context) ([]string, error) { return nil, errAway })
)

const entries = `[
	{"provider": "vllm", "id": "qwen", "contextWindow": 8192, "outputLimit": 2048, "price": {"input": 1, "output": 1}},
	{"provider": "vllm", "id": "llama", "contextWindow": 100000, "images": true}
]`

func newRouter(t testing.TB, models map[route.Tier][]string, servers ...route.Server) *route.Router {
	t.Helper()
	known, err := catalogue.New([]byte(entries))
	require.NoError(t, err)
	r, err := route.New(route.Options{Servers: servers, Catalogue: known, Models: models})
	require.NoError(t, err)
	return r
}

func names(candidates []route.Candidate) []string {
	out := make([]string, len(candidates))
	for i, c := range candidates {
		out[i] = c.String()
	}
	return out
}

func candidates(t *testing.T, r *route.Router, w route.Wish) []route.Candidate {
	t.Helper()
	all, err := r.Candidates(t.Context(), w)
	require.NoError(t, err)
	require.NotEmpty(t, all)
	for _, c := range all {
		require.Equal(t, c.Server, c.Provider.Name())
		require.NotEmpty(t, c.Reason)
	}
	return all
}

func TestTheTiersOfTheServersWithoutSettings(t *testing.T) {
	t.Parallel()
	r := newRouter(t, nil, anthropic, openai, vllm)
	require.Equal(t, []string{
		"anthropic/claude-sonnet-5-5", "openai/gpt-5.6-terra", "vllm/qwen",
		"anthropic/claude-opus-5-5", "openai/gpt-5.6-sol",
		"anthropic/claude-haiku-5-5", "openai/gpt-5.6-luna",
	}, names(candidates(t, r, route.Wish{})))
	require.Equal(t, "anthropic/claude-haiku-5-5", candidates(t, r, route.Wish{Tier: route.Quick})[0].String())
	require.Equal(t, "anthropic/claude-opus-5-5", candidates(t, r, route.Wish{Tier: route.Complex})[0].String())

	r = newRouter(t, nil, server("anthropic", "claude-fable-5"))
	require.Equal(t, []string{"anthropic/claude-fable-5", "anthropic/claude-opus-5-5", "anthropic/claude-haiku-5-5"}, names(candidates(t, r, route.Wish{})))
	require.Equal(t, []string{"anthropic/claude-opus-5-5", "anthropic/claude-fable-5", "anthropic/claude-haiku-5-5"}, names(candidates(t, r, route.Wish{Complex: true})))
}

func TestTheInstallationsModelsComeBeforeTheServersOwn(t *testing.T) {
	t.Parallel()
	r := newRouter(t, map[route.Tier][]string{
		route.Quick:    {"vllm/llama"},
		route.Standard: {"openai/gpt-5-mini", "anthropic/claude-sonnet-5"},
	}, anthropic, openai, vllm)
	require.Equal(t, []string{
		"openai/gpt-5-mini", "anthropic/claude-sonnet-5", // the tier
		"anthropic/claude-opus-5-5", "openai/gpt-5.6-sol", "vllm/qwen", // above
		"vllm/llama",                                          // below
		"anthropic/claude-sonnet-5-5", "openai/gpt-5.6-terra", // what no setting names
		"anthropic/claude-haiku-5-5", "openai/gpt-5.6-luna",
	}, names(candidates(t, r, route.Wish{})))
	all := candidates(t, r, route.Wish{Models: map[route.Tier][]string{route.Standard: {"gone/model", "vllm/llama"}}})
	require.Equal(t, "vllm/llama", all[0].String())
	require.Equal(t, "openai/gpt-5-mini", all[1].String())
	require.Equal(t, route.Standard, all[0].Tier)
}

func TestWhoDecides(t *testing.T) {
	t.Parallel()
	r := newRouter(t, nil, anthropic, openai)
	const hard = "Work out the architecture and a migration."
	for _, c := range []struct {
		wish          route.Wish
		model, reason string
	}{
		{route.Wish{Model: "openai/gpt-5-mini", Quick: true, Complex: true, Text: hard}, "openai/gpt-5-mini", "you asked for it"},
		{route.Wish{Model: "gpt-5-mini", Text: hard}, "openai/gpt-5-mini", "you asked for it"},
		{route.Wish{Quick: true, Complex: true, Text: hard}, "anthropic/claude-haiku-5-5", "you asked for a quick answer"},
		{route.Wish{Complex: true, Text: "hi"}, "anthropic/claude-opus-5-5", "you asked for a thorough answer"},
		{route.Wish{Text: hard, Tier: route.Quick}, "anthropic/claude-opus-5-5", `the text has the words "architecture" and "migration"`},
		{route.Wish{Text: "hi", Tier: route.Complex}, "anthropic/claude-haiku-5-5", `the text has the word "hi"`},
		{route.Wish{Text: "Paint it blue.", Tier: route.Complex}, "anthropic/claude-opus-5-5", "it is what the agent usually works with"},
		{route.Wish{Text: "Paint it blue."}, "anthropic/claude-sonnet-5-5", "it is what the agent usually works with"},
	} {
		first := candidates(t, r, c.wish)[0]
		require.Equal(t, c.model, first.String())
		require.Equal(t, c.reason, first.Reason)
	}
}

func TestTheOthersFollowTheOneThatWasWishedFor(t *testing.T) {
	t.Parallel()
	r := newRouter(t, nil, anthropic, openai)
	require.Equal(t, []string{"openai/gpt-5.6-sol", "anthropic/claude-opus-5-5", "anthropic/claude-sonnet-5-5"},
		names(candidates(t, r, route.Wish{Model: "gpt-5.6-sol"}))[:3], "the substitutes are of its tier")
	require.Equal(t, []string{"openai/gpt-5-mini", "anthropic/claude-haiku-5-5", "openai/gpt-5.6-luna"},
		names(candidates(t, r, route.Wish{Model: "gpt-5-mini", Quick: true}))[:3], "or of the one that is wished for")
}

func TestUnknownModelsAreNamedWithThoseThereAre(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		servers  []route.Server
		model    string
		problems []string
	}{
		{[]route.Server{anthropic}, "gpt-5-mini", []string{"no such model; there are: anthropic/claude-haiku-5-5, anthropic/claude-sonnet-5-5, anthropic/claude-opus-5-5", "…"}},
		{[]route.Server{anthropic}, "openai/gpt-5-mini", []string{"no such model"}},
		{[]route.Server{anthropic}, "anthropic/claude-9", []string{"no such model"}},
		{[]route.Server{anthropic}, "anthropic/", []string{"no such model"}},
		{[]route.Server{vllm}, "vllm/gpt", []string{"no such model; there are: vllm/qwen, vllm/llama"}},
		{[]route.Server{vllm, ollama}, "llama", []string{"several providers have this model: write vllm/llama or ollama/llama"}},
		{[]route.Server{ollama}, "ollama/none", []string{"no such model; there are: ollama/qwen3:8b, ollama/llama"}},
	} {
		r := newRouter(t, nil, c.servers...)
		_, err := r.Candidates(t.Context(), route.Wish{Model: c.model})
		p := problem.As(err)
		require.NotNil(t, p, "%s: %v", c.model, err)
		require.Equal(t, problem.BadInput, p.Code)
		require.Equal(t, "model", p.Field)
		for _, part := range c.problems {
			require.Contains(t, p.Message, part)
		}
		require.Equal(t, err, r.Check(t.Context(), c.model))
	}
}

func TestServersThatAreAsked(t *testing.T) {
	t.Parallel()
	r := newRouter(t, nil, vllm, ollama)
	require.Equal(t, []string{"vllm/qwen", "ollama/qwen3:8b"}, names(candidates(t, r, route.Wish{})))
	require.Equal(t, "ollama/qwen3:8b", candidates(t, r, route.Wish{Model: "qwen3:8b"})[0].String())
	require.Equal(t, "ollama/llama", candidates(t, r, route.Wish{Model: "ollama/llama"})[0].String())

	r = newRouter(t, nil, vllm, away)
	require.Equal(t, []string{"vllm/qwen"}, names(candidates(t, r, route.Wish{})))
	require.Equal(t, "ollama/any", candidates(t, r, route.Wish{Model: "ollama/any"})[0].String(), "a server that can't be asked is believed")

	r = newRouter(t, nil, away)
	_, err := r.Candidates(t.Context(), route.Wish{})
	require.True(t, problem.Is(err, problem.Unavailable))
	require.ErrorContains(t, err, "connection refused")
}

func TestABudgetOfMoneyNeedsPrices(t *testing.T) {
	t.Parallel()
	r := newRouter(t, nil, ollama, vllm)
	all := candidates(t, r, route.Wish{Money: true})
	require.Equal(t, []string{"vllm/qwen"}, names(all))
	require.Equal(t, "ollama/qwen3:8b has no price, and a budget of money applies", all[0].Reason)

	for _, w := range []route.Wish{{Money: true}, {Money: true, Model: "qwen3:8b"}} {
		_, err := newRouter(t, nil, ollama).Candidates(t.Context(), w)
		require.True(t, problem.Is(err, problem.PreconditionFailed))
		require.ErrorContains(t, err, "ollama/qwen3:8b has no price")
	}
	_, err := r.Candidates(t.Context(), route.Wish{Money: true, Model: "ollama/llama"})
	require.True(t, problem.Is(err, problem.PreconditionFailed), "what was asked for isn't exchanged")

	demo := newRouter(t, nil, server("demo", "demo", "demo"))
	require.Equal(t, []string{"demo/demo"}, names(candidates(t, demo, route.Wish{Money: true})))
}

func TestTheInputMustFit(t *testing.T) {
	t.Parallel()
	r := newRouter(t, map[route.Tier][]string{route.Standard: {"vllm/qwen", "vllm/llama"}}, vllm)
	require.Equal(t, []string{"vllm/qwen", "vllm/llama"}, names(candidates(t, r, route.Wish{InputTokens: 8192 - 2048})))
	all := candidates(t, r, route.Wish{InputTokens: 8192 - 2048 + 1})
	require.Equal(t, []string{"vllm/llama"}, names(all))
	require.Equal(t, "vllm/qwen can't hold as much", all[0].Reason)
	require.Equal(t, []string{"vllm/llama"}, names(candidates(t, r, route.Wish{InputTokens: 50_000, Model: "qwen"})))
	require.Len(t, candidates(t, r, route.Wish{InputTokens: 1_000_000}), 2, "none holds it, and the vendor may say so")
}

func TestImagesGoToModelsThatSee(t *testing.T) {
	t.Parallel()
	r := newRouter(t, map[route.Tier][]string{route.Standard: {"vllm/qwen", "vllm/llama"}}, vllm)
	all := candidates(t, r, route.Wish{Images: true})
	require.Equal(t, []string{"vllm/llama"}, names(all))
	require.Equal(t, "vllm/qwen sees no images", all[0].Reason)
	require.Len(t, candidates(t, newRouter(t, nil, server("vllm", "qwen", "qwen")), route.Wish{Images: true}), 1)
}

func TestNewNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	_, err := route.New(route.Options{})
	require.EqualError(t, err, "no model server is configured")
	_, err = route.New(route.Options{Servers: []route.Server{vllm}, Models: map[route.Tier][]string{route.Quick: {"qwen", "openai/x", "vllm/"}}})
	joined, ok := errors.AsType[interface {
		error
		Unwrap() []error
	}](err)
	require.True(t, ok)
	require.Len(t, joined.Unwrap(), 3)
}
